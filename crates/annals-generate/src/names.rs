//! Names as a language or a store writes them. A model's `OrderPlaced` is stored as `order-placed`.

/// `order-placed`: as the derive macro names the variants of an enum.
pub fn kebab(name: &str) -> String {
    separated(name, '-')
}

/// `order_placed`
pub fn snake(name: &str) -> String {
    separated(name, '_')
}

/// `OrderPlaced`
pub fn pascal(name: &str) -> String {
    let mut out = String::new();
    let mut is_first = true;
    for c in name.chars() {
        if !c.is_alphanumeric() {
            is_first = true;
        } else if is_first {
            out.extend(c.to_uppercase());
            is_first = false;
        } else {
            out.push(c);
        }
    }
    out
}

fn separated(name: &str, by: char) -> String {
    let name: Vec<char> = name.chars().collect();
    let mut out = String::new();
    for (i, c) in name.iter().enumerate() {
        let after_lower = i > 0 && !name[i - 1].is_uppercase();
        let before_lower = name.get(i + 1).is_some_and(|next| next.is_lowercase());
        let is_border = i > 0 && c.is_uppercase() && (after_lower || before_lower);
        if (is_border || !c.is_alphanumeric()) && !out.is_empty() && !out.ends_with(by) {
            out.push(by);
        }
        if c.is_alphanumeric() {
            out.extend(c.to_lowercase());
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_written_as_each_place_has_them() {
        assert_eq!(kebab("OrderPlaced"), "order-placed");
        assert_eq!(kebab("HTTPCalled"), "http-called");
        assert_eq!(kebab("order-placed"), "order-placed");
        assert_eq!(snake("OrderPlaced"), "order_placed");
        assert_eq!(snake("at-most-3-open"), "at_most_3_open");
        assert_eq!(pascal("order_line"), "OrderLine");
        assert_eq!(pascal("order-placed"), "OrderPlaced");
    }
}
