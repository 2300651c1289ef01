//! Writing a multipart body. RFC 2046 s5.1.1, RFC 5621 s4.3, s8.2.

use crate::message::writer::push_clean;

/// A part to be written.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct NewPart<'a> {
    /// Content-Type.
    pub content_type: &'a str,
    /// Further headers of the part by name: Content-Disposition, Content-ID ...
    pub headers: &'a [(&'a str, &'a str)],
    /// The bytes, any.
    pub body: &'a [u8],
}

/// Appends a multipart body to `out`; answers its Content-Type. `subtype` is `mixed`, `alternative` ...; `seed` is a random token (letters,
/// digits and `-`, up to 40), from which a boundary is made that no part holds.
#[must_use]
pub fn write_multipart(out: &mut Vec<u8>, subtype: &str, seed: &str, parts: &[NewPart<'_>]) -> String {
    let mut boundary: String = seed.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-').take(40).collect();
    let mut count = 0u32;
    // Each candidate that is taken stands in a part: the size of the parts bounds the search.
    while boundary.is_empty() || parts.iter().any(|p| memchr::memmem::find(p.body, boundary.as_bytes()).is_some()) {
        count = count.saturating_add(1);
        let stem = boundary.split('=').next().unwrap_or_default().to_owned();
        boundary = format!("{stem}={count}");
    }
    for part in parts {
        out.extend_from_slice(b"--");
        out.extend_from_slice(boundary.as_bytes());
        out.extend_from_slice(b"\r\nContent-Type: ");
        push_clean(out, part.content_type.as_bytes());
        for (name, value) in part.headers {
            out.extend_from_slice(b"\r\n");
            push_clean(out, name.as_bytes());
            out.extend_from_slice(b": ");
            push_clean(out, value.as_bytes());
        }
        out.extend_from_slice(b"\r\n\r\n");
        out.extend_from_slice(part.body);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"--");
    out.extend_from_slice(boundary.as_bytes());
    out.extend_from_slice(b"--\r\n");
    format!("multipart/{subtype};boundary=\"{boundary}\"")
}
