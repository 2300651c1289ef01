//! Replaces (RFC 3891 s6.1), Join (RFC 3911 s7.1), Target-Dialog (RFC 4538 s7): headers that name a dialog.

use super::print::{Clean, More, Print, header_value};
use crate::base::text::is_token;
use crate::message::error::HeaderError;
use crate::message::lex::{has_space, split_at, trim};
use crate::message::params::Params;
use std::fmt::{self, Write};

/// Replaces and Join. Tags are those of the dialog as its recipient sees them: `to_tag` is its own.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Replaces<'a> {
    /// Call-ID of the dialog.
    pub call_id: &'a str,
    /// The recipient's tag; `0` also stands for none. RFC 3891 s3.
    pub to_tag: &'a str,
    /// The other one's tag.
    pub from_tag: &'a str,
    /// Only while the dialog is early. Replaces alone has it.
    pub early_only: bool,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> Replaces<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// No Call-ID, not each tag exactly once, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let (call_id, params) = call_id_and_params(value)?;
        Ok(Replaces {
            call_id,
            to_tag: tag(params, "to-tag")?,
            from_tag: tag(params, "from-tag")?,
            early_only: params.has("early-only"),
            more: More::without(params, &["to-tag", "from-tag", "early-only"]),
        })
    }
}

impl Print for Replaces<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag)?;
        if self.early_only {
            out.write_str(";early-only")?;
        }
        self.more.print(out)
    }
}

/// Target-Dialog. Tags as the recipient sees them.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct TargetDialog<'a> {
    /// Call-ID of the dialog.
    pub call_id: &'a str,
    /// The recipient's tag.
    pub local_tag: &'a str,
    /// The sender's tag.
    pub remote_tag: &'a str,
    /// Other parameters.
    pub more: More<'a>,
}

impl<'a> TargetDialog<'a> {
    /// Reads a field.
    ///
    /// # Errors
    /// No Call-ID, not each tag exactly once, or too many parameters.
    pub fn parse(value: &'a str) -> Result<Self, HeaderError> {
        let (call_id, params) = call_id_and_params(value)?;
        Ok(TargetDialog {
            call_id,
            local_tag: tag(params, "local-tag")?,
            remote_tag: tag(params, "remote-tag")?,
            more: More::without(params, &["local-tag", "remote-tag"]),
        })
    }
}

impl Print for TargetDialog<'_> {
    fn print(&self, out: &mut Clean<'_, '_>) -> fmt::Result {
        write!(out, "{};local-tag={};remote-tag={}", self.call_id, self.local_tag, self.remote_tag)?;
        self.more.print(out)
    }
}

header_value!(Replaces, TargetDialog);

/// A Call-ID may hold quotes that do not pair. RFC 3261 s25.1 (word).
fn call_id_and_params(value: &str) -> Result<(&str, Params<'_>), HeaderError> {
    let (call_id, params) = split_at(value, memchr::memchr(b';', value.as_bytes()).unwrap_or(value.len()));
    let call_id = trim(call_id);
    if call_id.is_empty() || has_space(call_id.as_bytes()) {
        return Err(HeaderError::Syntax("no Call-ID"));
    }
    Ok((call_id, Params::new(params)?))
}

fn tag<'a>(params: Params<'a>, name: &str) -> Result<&'a str, HeaderError> {
    let mut all = params.iter().filter(|(n, _)| n.eq_ignore_ascii_case(name));
    match (all.next(), all.next()) {
        (Some((_, Some(tag))), None) if is_token(tag.as_bytes()) => Ok(tag),
        _ => Err(HeaderError::Syntax("a dialog needs two tags, each once")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_is_named_by_call_id_and_two_tags() {
        let text = "98732@sip.example.com;from-tag=r33th4x0r;to-tag=ff87ff;early-only";
        let r = Replaces::parse(text).unwrap();
        assert_eq!(
            (r.call_id, r.to_tag, r.from_tag, r.early_only),
            ("98732@sip.example.com", "ff87ff", "r33th4x0r", true)
        );
        assert_eq!(r.to_string(), "98732@sip.example.com;to-tag=ff87ff;from-tag=r33th4x0r;early-only");
        assert_eq!(Replaces::parse("a\"b;to-tag=1;from-tag=2").unwrap().call_id, "a\"b");
        for bad in
            ["", "x", "x;to-tag=1", "x;to-tag=1;from-tag=2;to-tag=3", "x;to-tag;from-tag=1", "a b;to-tag=1;from-tag=2"]
        {
            assert!(Replaces::parse(bad).is_err(), "{bad}");
        }
        let t = TargetDialog::parse("fa77as7dad8-sd98ajzz@host.example.com;local-tag=kkaz-;remote-tag=6544").unwrap();
        assert_eq!((t.local_tag, t.remote_tag), ("kkaz-", "6544"));
        assert!(TargetDialog::parse("x;to-tag=1;from-tag=2").is_err());
    }
}
