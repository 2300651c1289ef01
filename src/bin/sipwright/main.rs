//! `sipwright`: calls, answers, registers, pings and sends messages from the command line, on the same engine that C and Python use.
//!
//! stdout carries the result (with `--json` one event per line), stderr the progress. Exit codes are in `exit.rs`.

#![forbid(unsafe_code)]
#![allow(clippy::disallowed_methods, clippy::disallowed_types, reason = "a program of the real world")]

mod answer;
mod args;
mod call;
mod events_json;
mod exit;
mod histogram;
mod inspect;
mod ladder;
mod load;
mod raw;
mod register;
mod request;
mod screen;
mod session;

use args::{Args, Command};
use clap::Parser;
use exit::Exit;

fn main() -> std::process::ExitCode {
    let args = Args::parse();
    let result = match args.command {
        Command::Call(call) => call::run(call),
        Command::Answer(answer) => answer::run(answer),
        Command::Register(register) => register::run(register),
        Command::Ping(ping) => request::ping(ping),
        Command::Message(message) => request::message(message),
        Command::Request(request) => raw::run(request),
        Command::Load(load) => load::run(load),
        Command::Inspect(inspect) => inspect::run(&inspect),
        Command::Version => {
            println!("sipwright {}", env!("CARGO_PKG_VERSION"));
            Ok(Exit::Ok)
        }
    };
    match result {
        Ok(exit) => exit.into(),
        Err(trouble) => {
            eprintln!("sipwright: {}", trouble.message);
            trouble.exit.into()
        }
    }
}
