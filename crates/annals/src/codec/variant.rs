//! An enum of events is stored without its outermost layer: the variant is the event's type, and the
//! payload is what is in it. So `Opened { owner }` is `{"owner":…}`, and a field renamed with serde is
//! renamed here too.

use serde::de::value::U32Deserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, IgnoredAny, IntoDeserializer, VariantAccess, Visitor,
};
use serde::ser::{Impossible, SerializeStruct, SerializeStructVariant};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::Error;

use crate::error::{ErrorKind, Result};
use crate::event::RecordedEvent;
use crate::payload::{JsonText, Payload};

/// The payload of an event that is a variant of an enum.
pub fn encode_variant<E: Serialize>(event: &E) -> Result<Payload> {
    let mut out = Vec::with_capacity(128);
    event
        .serialize(Inside(&mut serde_json::Serializer::new(&mut out)))
        .map_err(|e| crate::Error::with_source(ErrorKind::Invalid, "an event has no JSON form", e))?;
    let text = String::from_utf8(out)
        .map_err(|e| crate::Error::with_source(ErrorKind::Internal, "JSON that is no UTF-8", e))?;
    JsonText::parse(text).map(Payload::Json)
}

/// The variant at `index`, as serde counts them, from its payload.
pub fn decode_variant<'de, E: Deserialize<'de>>(event: &'de RecordedEvent, index: u32) -> Result<E> {
    let Payload::Json(json) = &event.payload else {
        return Err(super::derived::at(event, crate::Error::corrupt("the payload is bytes, expected JSON")));
    };
    let mut json = serde_json::Deserializer::from_str(json.as_str());
    E::deserialize(Variant { index, json: &mut json }).map_err(|e| {
        super::derived::at(event, crate::Error::with_source(ErrorKind::Corrupt, e.to_string(), e))
    })
}

type Json<'a> = serde_json::Serializer<&'a mut Vec<u8>>;

/// Writes what is in a variant and leaves the variant's name away.
struct Inside<'a, 'b>(&'a mut Json<'b>);

struct Fields<S>(S);

impl<S: SerializeStruct> SerializeStructVariant for Fields<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<(), S::Error> {
        self.0.serialize_field(key, value)
    }

    fn skip_field(&mut self, key: &'static str) -> Result<(), S::Error> {
        self.0.skip_field(key)
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

macro_rules! not_a_variant {
    ($($method:ident($($kind:ty),*) -> $ok:ty;)*) => {
        $(fn $method(self, $(_: $kind),*) -> Result<$ok, Error> {
            Err(serde::ser::Error::custom("an event enum has to serialise as serde derives it"))
        })*
    };
}

impl<'a, 'b> Serializer for Inside<'a, 'b> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Fields<<&'a mut Json<'b> as Serializer>::SerializeStruct>;

    fn serialize_unit_variant(self, _: &'static str, _: u32, _: &'static str) -> Result<(), Error> {
        SerializeStruct::end(self.0.serialize_struct("", 0)?)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self.0)
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, Error> {
        self.0.serialize_struct(name, len).map(Fields)
    }

    not_a_variant! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> Self::SerializeSeq;
        serialize_tuple(usize) -> Self::SerializeTuple;
        serialize_tuple_struct(&'static str, usize) -> Self::SerializeTupleStruct;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Self::SerializeTupleVariant;
        serialize_map(Option<usize>) -> Self::SerializeMap;
        serialize_struct(&'static str, usize) -> Self::SerializeStruct;
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<(), Error> {
        value.serialize(self)
    }
}

/// Gives an enum the variant that the event's type names, and the payload as what is in it.
struct Variant<'a, 'de> {
    index: u32,
    json: &'a mut serde_json::Deserializer<serde_json::de::StrRead<'de>>,
}

impl<'de> Deserializer<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_enum(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        let index: U32Deserializer<Error> = self.index.into_deserializer();
        Ok((seed.deserialize(index)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        IgnoredAny::deserialize(self.json).map(drop)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.json)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.json.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.json.deserialize_struct("", fields, visitor)
    }
}
