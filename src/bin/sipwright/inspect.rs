//! `inspect`: one SIP message from a file as JSON, with a verdict.

use crate::args::InspectArgs;
use crate::exit::{Exit, Trouble};
use serde_json::{Map, Value as Json, json};
use sipwright::message::{Described, Description, Value, describe};
use std::io::Read;

pub fn run(args: &InspectArgs) -> Result<Exit, Trouble> {
    let mut bytes = vec![];
    let read = if args.file.as_os_str() == "-" {
        std::io::stdin().read_to_end(&mut bytes).map(drop)
    } else {
        std::fs::read(&args.file).map(|all| bytes = all)
    };
    read.map_err(|e| Trouble::usage(format!("{}: {e}; name a file with one SIP message", args.file.display())))?;
    let description = describe(&bytes);
    println!("{:#}", json_of(&description));
    Ok(if description.verdict.is_ok() { Exit::Ok } else { Exit::Malformed })
}

fn json_of(description: &Description) -> Json {
    let verdict = match &description.verdict {
        Ok(()) => json!({ "well_formed": true }),
        Err(rejection) => {
            json!({
                "well_formed": false, "status": rejection.status, "reason": rejection.reason, "section": rejection.section,
            })
        }
    };
    json!({
        "start": description.start.as_ref().map_or(Json::Null, value),
        "headers": description.headers.iter().map(header).collect::<Vec<Json>>(),
        "body_bytes": description.body_bytes,
        "verdict": verdict,
    })
}

fn header(header: &Described) -> Json {
    let mut out = Map::new();
    out.insert("name".into(), header.name.clone().into());
    out.insert("value".into(), header.value.clone().into());
    if !header.home.is_empty() {
        out.insert("defined_in".into(), header.home.into());
    }
    if !header.parts.is_empty() {
        out.insert("parts".into(), header.parts.iter().map(value).collect());
    }
    if let Some(fault) = &header.fault {
        out.insert("fault".into(), fault.clone().into());
    }
    Json::Object(out)
}

fn value(part: &Value) -> Json {
    match part {
        Value::Null => Json::Null,
        Value::Number(n) => (*n).into(),
        Value::Text(text) => text.clone().into(),
        Value::Map(map) => Json::Object(map.iter().map(|(k, v)| (k.clone(), value(v))).collect()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_becomes_json_with_its_verdict() {
        let good = json_of(&describe(
            b"OPTIONS sip:bob@b.example SIP/2.0\r\nVia: SIP/2.0/UDP a:5070;branch=z9hG4bK1\r\nMax-Forwards: 70\r\n\
              From: <sip:a@a>;tag=1\r\nTo: <sip:bob@b.example>\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n",
        ));
        assert_eq!(good["start"]["method"], "OPTIONS");
        assert_eq!(good["headers"][0]["name"], "Via");
        assert_eq!(good["verdict"]["well_formed"], true);
        let bad = json_of(&describe(b"OPTIONS sip:bob@b.example SIP/2.0\r\nTo: x\r\n\r\n"));
        assert_eq!(bad["verdict"]["well_formed"], false);
        assert!(bad["verdict"]["reason"].is_string());
    }
}
