//! How JSON is nested: how deep it is, and where a value that spans lines ends.

use serde::de::IgnoredAny;

/// How deep JSON may be nested.
pub(crate) const MAX_DEPTH: usize = 128;

/// Whether valid JSON that stands within `outer` levels is nested deeper than [`MAX_DEPTH`].
pub(crate) fn is_too_deep(json: &[u8], outer: usize) -> bool {
    // `{` and `[` differ in one bit only: without so many of them no nesting can be too deep.
    let opened: usize = json.chunks(255).map(|chunk| usize::from(opens(chunk))).sum();
    outer + opened > MAX_DEPTH && outer + depth(json) > MAX_DEPTH
}

fn opens(chunk: &[u8]) -> u8 {
    chunk.iter().fold(0, |count, byte| count.wrapping_add(u8::from(byte | 0x20 == b'{')))
}

fn depth(json: &[u8]) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            _ if in_string => {}
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

/// Why no JSON value ends here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NoEnd {
    /// So far it is one, and may go on.
    Unfinished,
    /// It is none.
    Invalid,
    /// It is nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// Finds where the JSON value that `json` begins with ends.
///
/// It gives up below [`MAX_DEPTH`] levels. So an input that opens a value on each of its lines is looked through that
/// many times at most, not once a line.
pub(crate) fn value_end(json: &[u8]) -> Result<usize, NoEnd> {
    let (mut open, mut want, mut at) = (Open::default(), Want::Value { first: false }, 0);
    while let Some(byte) = json.get(at) {
        if matches!(byte, b' ' | b'\t' | b'\r' | b'\n') {
            at += 1;
            continue;
        }
        (want, at) = match (want, byte) {
            (Want::Value { .. }, b'{' | b'[') => (open.push(*byte == b'{')?, at + 1),
            (Want::Name { first: true } | Want::Next, b'}') if open.in_object() => (open.pop(), at + 1),
            (Want::Value { first: true } | Want::Next, b']') if open.in_array() => (open.pop(), at + 1),
            (Want::Name { .. }, b'"') => (Want::Colon, string_end(json, at)?),
            (Want::Next, b',') if open.in_object() => (Want::Name { first: false }, at + 1),
            (Want::Colon, b':') | (Want::Next, b',') => (Want::Value { first: false }, at + 1),
            (Want::Value { .. }, b'"') => (Want::Next, string_end(json, at)?),
            (Want::Value { .. }, _) => (Want::Next, scalar_end(json, at)?),
            _ => return Err(NoEnd::Invalid),
        };
        if open.depth == 0 {
            return Ok(at);
        }
    }
    Err(NoEnd::Unfinished)
}

/// What may come next in a JSON value.
#[derive(Clone, Copy)]
enum Want {
    Value {
        first: bool,
    },
    Name {
        first: bool,
    },
    Colon,
    /// A comma, or the end of the object or array.
    Next,
}

/// The objects and arrays that are open: one bit each, the innermost the lowest, set for an object.
#[derive(Default)]
struct Open {
    objects: u128,
    depth: usize,
}

impl Open {
    fn push(&mut self, is_object: bool) -> Result<Want, NoEnd> {
        if self.depth == MAX_DEPTH {
            return Err(NoEnd::TooDeep);
        }
        self.objects = self.objects << 1 | u128::from(is_object);
        self.depth += 1;
        Ok(if is_object { Want::Name { first: true } } else { Want::Value { first: true } })
    }

    fn pop(&mut self) -> Want {
        self.objects >>= 1;
        self.depth -= 1;
        Want::Next
    }

    const fn in_object(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 1
    }

    const fn in_array(&self) -> bool {
        self.depth > 0 && self.objects & 1 == 0
    }
}

/// Where the string that begins at `start` ends, behind its quote.
fn string_end(json: &[u8], start: usize) -> Result<usize, NoEnd> {
    let mut at = start + 1;
    loop {
        let rest = json.get(at..).unwrap_or_default();
        let special = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1F));
        at += special.ok_or(NoEnd::Unfinished)?;
        match json[at] {
            b'"' => return Ok(at + 1),
            b'\\' => at += escape_length(&json[at + 1..])?,
            _ => return Err(NoEnd::Invalid),
        }
    }
}

/// How long an escape is, its backslash included, whose rest is `rest`.
fn escape_length(rest: &[u8]) -> Result<usize, NoEnd> {
    match rest {
        [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => Ok(2),
        [b'u', digits @ ..] => match digits.get(..4) {
            Some(digits) if digits.iter().all(u8::is_ascii_hexdigit) => Ok(6),
            Some(_) => Err(NoEnd::Invalid),
            None => Err(NoEnd::Unfinished),
        },
        [] => Err(NoEnd::Unfinished),
        _ => Err(NoEnd::Invalid),
    }
}

/// Where the number or word that begins at `start` ends.
fn scalar_end(json: &[u8], start: usize) -> Result<usize, NoEnd> {
    let is_part = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    let length = json[start..].iter().position(|byte| !is_part(byte)).ok_or(NoEnd::Unfinished)?;
    let scalar = &json[start..start + length];
    let is_plain = scalar.iter().all(u8::is_ascii_digit) && !matches!(scalar, [] | [b'0', _, ..]);
    if !is_plain {
        serde_json::from_slice::<IgnoredAny>(scalar).map_err(|_| NoEnd::Invalid)?;
    }
    Ok(start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_ends_where_it_is_closed() {
        for (json, rest) in [
            ("{}", ""),
            ("{} x", " x"),
            ("[]\n[]", "\n[]"),
            ("\n {\"a\": [1, -2.5e+3, true, false, null, \"}\"],\r\n\t\"b\" : {}}]", "]"),
            ("[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\uD800\", \"é\"],", ","),
            ("[[[{\"a\":[]}]]]", ""),
        ] {
            assert_eq!(value_end(json.as_bytes()), Ok(json.len() - rest.len()), "{json}");
        }
    }

    #[test]
    fn every_beginning_of_a_value_is_unfinished() {
        let json = r#"{"a": [1, -2.5e+3, true, null, "x\u00e9\n"], "b": {}, "c": []}"#;
        for end in 0..json.len() {
            assert_eq!(value_end(&json.as_bytes()[..end]), Err(NoEnd::Unfinished), "{}", &json[..end]);
        }
    }

    #[test]
    fn what_is_no_value_is_noticed_at_once() {
        for json in [
            "[1 2",
            "[,",
            "[1,]",
            "{,",
            "{1",
            "{\"a\" 1",
            "{\"a\":}",
            "{\"a\":1 \"",
            "{\"a\":1,}",
            "[}",
            "{]",
            "{\"a\":[}",
            "[01 ",
            "[+1,",
            "[tru,",
            "[nul]",
            "[1.]",
            "[\"\n",
            "[\"\\x",
            "[\"\\u12x4",
            "]",
            "}",
            ":",
            ",",
            "[\u{b}",
        ] {
            assert_eq!(value_end(json.as_bytes()), Err(NoEnd::Invalid), "{json}");
        }
    }

    #[test]
    fn depth_has_an_end() {
        let nested = |levels: usize| [vec![b'['; levels], vec![b']'; levels]].concat();
        assert_eq!(value_end(&nested(MAX_DEPTH)), Ok(2 * MAX_DEPTH));
        assert_eq!(value_end(&nested(MAX_DEPTH + 1)), Err(NoEnd::TooDeep));
        assert!(!is_too_deep(&nested(MAX_DEPTH), 0));
        assert!(is_too_deep(&nested(MAX_DEPTH), 1));
        assert!(is_too_deep(&nested(MAX_DEPTH + 1), 0));
        assert!(!is_too_deep("[\"\\\"[\",".repeat(MAX_DEPTH - 1).as_bytes(), 1));
        assert!(!is_too_deep(format!("[\"{}\"]", "[".repeat(1000)).as_bytes(), 0));
    }
}
