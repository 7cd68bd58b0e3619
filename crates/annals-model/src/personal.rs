//! Personal data by the names of fields. A name that may as well mean something else is none: `product_name`,
//! `email_template_id`, `warehouse_address`.

use crate::model::FieldType;
use crate::words::{TypeName, split};

/// What a field says of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Personal {
    /// How a person is called.
    Name,
    /// A mail address.
    Mail,
    /// A telephone number.
    Phone,
    /// Where a person lives.
    Address,
    /// When a person was born.
    Birth,
    /// An IP address.
    IpAddress,
    /// A bank account.
    Account,
    /// A payment card.
    Card,
    /// A number by which a state knows a person.
    NationalId,
    /// What a person believes, and the like.
    Sensitive,
}

impl Personal {
    /// In words, as one of it is called.
    pub fn what(self) -> &'static str {
        match self {
            Self::Name => "the name of a person",
            Self::Mail => "a mail address",
            Self::Phone => "a telephone number",
            Self::Address => "the address of a person",
            Self::Birth => "a date of birth",
            Self::IpAddress => "an IP address",
            Self::Account => "a bank account",
            Self::Card => "a payment card",
            Self::NationalId => "a number by which a state knows a person",
            Self::Sensitive => "sensitive data of a person",
        }
    }

    /// What a field holds, by its name and by what its event, stream or type is about.
    pub fn of(field: &str, about: &[&str]) -> Option<Self> {
        let words = split(field);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        if words.iter().any(|word| NOT_ITSELF.contains(word)) {
            return None;
        }
        let about_names = about;
        let about: Vec<String> = about.iter().flat_map(|name| split(name)).collect();
        let is_about = |of: &[&str]| {
            about.iter().any(|word| {
                of.contains(&word.as_str()) || word.strip_suffix('s').is_some_and(|one| of.contains(&one))
            })
        };
        let of_person = is_about(PEOPLE);
        let of_thing = is_about(THINGS) && !of_person;
        let kind = kind(&words, is_person(about_names), of_person)?;
        // A warehouse has an address and a telephone, and a server has an IP address.
        let may_be_of_thing = matches!(kind, Self::Address | Self::Phone | Self::IpAddress);
        (!(of_thing && may_be_of_thing)).then_some(kind)
    }

    /// Whether values of a type can be this.
    pub fn may_be(self, kind: &FieldType) -> bool {
        match kind {
            FieldType::Name(name) => match name.as_str() {
                "text" | "json" => true,
                "date" | "time" => self == Self::Birth,
                "int" => matches!(self, Self::Card | Self::NationalId | Self::Phone),
                _ => false,
            },
            FieldType::List(of) => self.may_be(of),
            FieldType::Fields(_) | FieldType::OneOf(_) => false,
        }
    }
}

/// Words with which a field holds something about the value and not the value.
const NOT_ITSELF: &[&str] = &[
    "allowed",
    "changed",
    "ciphertext",
    "confirmed",
    "consent",
    "count",
    "digest",
    "domain",
    "enabled",
    "encrypted",
    "fingerprint",
    "flag",
    "format",
    "hash",
    "hashed",
    "has",
    "id",
    "ids",
    "is",
    "key",
    "kind",
    "label",
    "masked",
    "model",
    "opt",
    "pattern",
    "provider",
    "pseudonym",
    "redacted",
    "ref",
    "reference",
    "sent",
    "shredded",
    "state",
    "status",
    "subject",
    "template",
    "token",
    "type",
    "uuid",
    "valid",
    "validated",
    "verified",
    "version",
    "wallet",
];

/// What is a person when an event or a stream is about it.
const PEOPLE: &[&str] = &[
    "applicant",
    "borrower",
    "buyer",
    "citizen",
    "customer",
    "consignee",
    "contact",
    "doctor",
    "donor",
    "employee",
    "guest",
    "insured",
    "member",
    "passenger",
    "patient",
    "payee",
    "payer",
    "person",
    "policyholder",
    "recipient",
    "resident",
    "student",
    "teacher",
    "traveler",
    "traveller",
    "user",
    "visitor",
    "voter",
    "attendee",
];

/// What has an address and is no person.
const THINGS: &[&str] = &[
    "agency",
    "airport",
    "branch",
    "building",
    "company",
    "depot",
    "device",
    "facility",
    "firewall",
    "gateway",
    "host",
    "hotel",
    "location",
    "machine",
    "node",
    "office",
    "plant",
    "property",
    "restaurant",
    "router",
    "sensor",
    "server",
    "service",
    "shop",
    "site",
    "station",
    "store",
    "supplier",
    "vendor",
    "venue",
    "warehouse",
    "cluster",
    "network",
];

/// Whether the innermost of what a field belongs to is a person: that of `UserRegistered`, not that of `UserGroupMade`.
fn is_person(about: &[&str]) -> bool {
    let Some(name) = about.iter().rev().find(|name| !name.is_empty()) else { return false };
    let name = TypeName::of(name);
    let subject = match name.happening() {
        Some((before, _)) => before.last(),
        None => name.words.last(),
    };
    subject.is_some_and(|word| PEOPLE.contains(&word.strip_suffix('s').unwrap_or(word)))
}

fn kind(words: &[&str], is_person: bool, of_person: bool) -> Option<Personal> {
    let (last, before) = words.split_last()?;
    let person_before = before.iter().any(|word| PEOPLE.contains(word));
    Some(match *last {
        "email" | "mail" | "mailaddress" | "emailaddress" => Personal::Mail,
        "firstname" | "lastname" | "surname" | "fullname" | "forename" | "givenname" | "familyname" => {
            Personal::Name
        }
        "name" => match before.last() {
            Some(
                &("first" | "last" | "full" | "given" | "family" | "middle" | "maiden" | "birth" | "sur"),
            ) => Personal::Name,
            Some(word)
                if PEOPLE.contains(word) && *word != "user" && *word != "tenant" && *word != "client" =>
            {
                Personal::Name
            }
            // Alone it is the name of what the event is about.
            None if is_person => Personal::Name,
            _ => return None,
        },
        "address" | "addr" => match before.last() {
            Some(&("email" | "mail" | "e")) => Personal::Mail,
            Some(&("ip" | "remote" | "client")) => Personal::IpAddress,
            Some(
                &("postal" | "home" | "street" | "billing" | "shipping" | "delivery" | "residential"
                | "mailing"),
            ) => Personal::Address,
            Some(_) if person_before => Personal::Address,
            None if of_person => Personal::Address,
            _ => return None,
        },
        "street" | "streetname" | "addressline1" | "addressline2" => Personal::Address,
        "line1" | "line2" if before.last() == Some(&"address") => Personal::Address,
        "phone" | "phonenumber" | "telephone" | "mobilephone" | "cellphone" | "mobilenumber" => {
            Personal::Phone
        }
        "number" | "no" | "nr" | "num" => match before {
            [.., "phone" | "telephone" | "mobile" | "cell" | "fax"] => Personal::Phone,
            [.., "card"] => match before.iter().rev().nth(1) {
                Some(&("id" | "identity")) => Personal::NationalId,
                Some(&("gift" | "report" | "loyalty" | "sim" | "score" | "time" | "index" | "rate")) => {
                    return None;
                }
                _ => Personal::Card,
            },
            [.., "passport"] | [.., "social" | "national", "security" | "insurance"] => Personal::NationalId,
            [.., "license" | "licence"] if before.iter().any(|word| word.starts_with("driv")) => {
                Personal::NationalId
            }
            _ => return None,
        },
        "dob" | "birthdate" | "birthday" | "dateofbirth" => Personal::Birth,
        "date" | "day" if before.last() == Some(&"birth") => Personal::Birth,
        "birth" if before.last() == Some(&"of") && before.first() == Some(&"date") => Personal::Birth,
        "ip" | "ipaddress" | "ipv4" | "ipv6" | "remoteip" | "clientip" => Personal::IpAddress,
        "iban" => Personal::Account,
        "cardnumber" | "creditcard" | "cvv" | "cvc" => Personal::Card,
        "card" if before.last() == Some(&"credit") => Personal::Card,
        "ssn" | "nino" | "personnummer" => Personal::NationalId,
        "religion" | "ethnicity" => Personal::Sensitive,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_fields_say_what_they_hold() {
        for (field, about, kind) in [
            ("email", "OrderPlaced", Personal::Mail),
            ("contactEmail", "x", Personal::Mail),
            ("e_mail", "x", Personal::Mail),
            ("email_address", "x", Personal::Mail),
            ("phone", "x", Personal::Phone),
            ("phoneNumber", "x", Personal::Phone),
            ("first_name", "x", Personal::Name),
            ("lastName", "x", Personal::Name),
            ("customer_name", "x", Personal::Name),
            ("name", "CustomerRegistered", Personal::Name),
            ("name", "customer", Personal::Name),
            ("street", "OrderPlaced", Personal::Address),
            ("shipping_address", "x", Personal::Address),
            ("address_line1", "x", Personal::Address),
            ("address", "PatientMoved", Personal::Address),
            ("date_of_birth", "x", Personal::Birth),
            ("birthDate", "x", Personal::Birth),
            ("ip", "x", Personal::IpAddress),
            ("client_ip", "x", Personal::IpAddress),
            ("ipAddress", "x", Personal::IpAddress),
            ("iban", "x", Personal::Account),
            ("card_number", "x", Personal::Card),
            ("passport_number", "x", Personal::NationalId),
            ("ssn", "x", Personal::NationalId),
        ] {
            assert_eq!(Personal::of(field, &[about]), Some(kind), "{field} of {about}");
        }
    }

    #[test]
    fn names_that_mean_something_else_are_none() {
        for (field, about) in [
            ("product_name", "x"),
            ("file_name", "x"),
            ("name", "ProductListed"),
            ("name", "UserGroupCreated"),
            ("name", "ClientRegistered"),
            ("user_name", "x"),
            ("email_template", "x"),
            ("email_sent", "x"),
            ("email_id", "x"),
            ("email_hash", "x"),
            ("encrypted_email", "x"),
            ("mail_count", "x"),
            ("phone_model", "x"),
            ("wallet_address", "x"),
            ("address", "ContractDeployed"),
            ("street", "WarehouseOpened"),
            ("phone", "StoreOpened"),
            ("ip_address", "ServerStarted"),
            ("gift_card_number", "x"),
            ("order_number", "x"),
            ("zip", "x"),
            ("zip_file", "x"),
            ("shipping", "x"),
            ("account_number", "x"),
            ("date", "x"),
            ("name_changed", "CustomerRenamed"),
            ("mobile", "x"),
            ("customer_id", "x"),
        ] {
            assert_eq!(Personal::of(field, &[about]), None, "{field} of {about}");
        }
    }
}
