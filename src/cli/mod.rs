//! The commands: what is typed, what is printed, what the program exits with.
//!
//! Reading commands ask the running appliance over its control socket, else they open the state directory under its
//! lock. Nothing is decided here.

pub mod arguments;
mod init;
mod print;

use crate::app::{self, AskError};
use crate::config::Config;
use arguments::{Arguments, Certs, Command, Output, Tests, Whom};
use clap::Parser as _;
use serde_json::{Value, json};
use std::fmt;
use std::process::ExitCode;

/// Why a command did not do what was asked.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What to tell.
    pub text: String,
}

/// What a failure tells: any error, or a text.
struct Text(String);

impl<T: fmt::Display> From<T> for Text {
    fn from(told: T) -> Self {
        Self(told.to_string())
    }
}

impl Failure {
    /// The thing asked about is bad.
    fn bad(text: impl Into<Text>) -> Self {
        Self {
            code: 1,
            text: text.into().0,
        }
    }

    /// Usage or configuration.
    fn usage(text: impl Into<Text>) -> Self {
        Self {
            code: 2,
            text: text.into().0,
        }
    }

    /// The appliance cannot be reached.
    fn unreachable(text: impl Into<Text>) -> Self {
        Self {
            code: 3,
            text: text.into().0,
        }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn main() -> ExitCode {
    let arguments = Arguments::parse();
    app::prepare(match arguments.command {
        Command::Serve => "info",
        _ => "warn",
    });
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            print::error(&failure.text);
            ExitCode::from(failure.code)
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    match &arguments.command {
        Command::Init(init) => init::init(init),
        Command::Demo => demo(),
        Command::Serve => app::serve(load(arguments)?).map_err(Failure::usage),
        Command::Status(output) => {
            let answer = ask(arguments, &json!({"command": "status"}))?;
            print::answer(&answer, *output, print::status)
        }
        Command::Ds(output) => {
            let answer = ask(arguments, &json!({"command": "ds"}))?;
            print::answer(&answer, *output, print::text)
        }
        Command::Zone { zone, output } => {
            let zone = crate::base::Zone::from(*zone);
            let answer = ask(arguments, &json!({"command": "zone", "zone": zone}))?;
            print::answer(&answer, *output, print::text)
        }
        Command::Check(output) => {
            let answer = ask(arguments, &json!({"command": "check"}))?;
            print::answer(&answer, *output, print::certs::check)?;
            verdict(&answer, "/json", |rows| none(rows, "state", &json!("bad")))
        }
        Command::Certs(certs) => run_certs(arguments, certs),
        Command::Tests(tests) => run_tests(arguments, tests),
        Command::Probe(probe) => {
            let answer = app::probe(&probe.domain, named(arguments)?.as_ref(), probe.resolver)
                .map_err(Failure::unreachable)?;
            print::answer(&answer, probe.output, print::text)
        }
        Command::Replay(replay) => {
            let answer = app::replay(&replay.export).map_err(Failure::usage)?;
            let readable = if replay.row { print::row } else { print::text };
            print::answer(&answer, replay.output, readable)
        }
        Command::Send(send) => {
            let delivered = app::send::run(
                &send.as_job(named(arguments)?).map_err(Failure::usage)?,
                &mut print::line,
            )
            .map_err(Failure::unreachable)?;
            if delivered {
                return Ok(());
            }
            Err(Failure::bad("not delivered to every recipient"))
        }
    }
}

fn run_certs(arguments: &Arguments, certs: &Certs) -> Result<(), Failure> {
    let (request, output) = match certs {
        Certs::Status(output) => {
            let answer = ask(arguments, &json!({"command": "certs status"}))?;
            print::answer(&answer, *output, print::certs::status)?;
            let rows = "/json/certificates";
            return verdict(&answer, rows, |rows| none(rows, "fit", &json!(false)));
        }
        Certs::Renew(certificates) => ("certs renew", certificates),
        Certs::Roll(certificates) => ("certs roll", certificates),
    };
    let request = json!({"command": request, "names": output.names});
    let answer = ask(arguments, &request)?;
    print::answer(&answer, output.output, print::certs::status)
}

/// Whether no row has this value.
fn none(rows: &[Value], key: &str, value: &Value) -> bool {
    rows.iter().all(|row| row.get(key) != Some(value))
}

/// Fails, without more words, when what was printed is bad.
fn verdict(answer: &Value, rows: &str, good: impl Fn(&[Value]) -> bool) -> Result<(), Failure> {
    let rows = answer.pointer(rows).and_then(Value::as_array);
    match rows.is_some_and(|rows| good(rows)) {
        true => Ok(()),
        false => Err(Failure::bad("not everything is as it should be")),
    }
}

fn run_tests(arguments: &Arguments, tests: &Tests) -> Result<(), Failure> {
    let (request, output, readable): (_, _, fn(&Value) -> String) = match tests {
        Tests::List(output) => (json!({"command": "tests list"}), *output, print::tests),
        Tests::Show { id, output } => {
            let request = json!({"command": "tests show", "id": id});
            (request, *output, print::text)
        }
        Tests::Export { id, .. } => {
            let request = json!({"command": "tests export", "id": id});
            (request, Output { json: true }, print::text)
        }
        Tests::Erase { whom, output } => {
            let request = match whom {
                Whom::Test(id) => json!({"command": "tests erase", "id": id}),
                Whom::Person(mailbox) => json!({"command": "tests erase", "mailbox": mailbox}),
            };
            (request, *output, print::text)
        }
        Tests::Token { language, output } => {
            let request = json!({"command": "tests token", "language": language});
            (request, *output, print::text)
        }
    };
    print::answer(&ask(arguments, &request)?, output, readable)
}

fn load(arguments: &Arguments) -> Result<Config, Failure> {
    Config::load(arguments.config.as_deref()).map_err(Failure::usage)
}

/// The configuration, when one is named; commands that need none take its way out then.
fn named(arguments: &Arguments) -> Result<Option<Config>, Failure> {
    arguments
        .config
        .is_some()
        .then(|| load(arguments))
        .transpose()
}

/// Asks the running appliance, else the state directory.
fn ask(arguments: &Arguments, request: &Value) -> Result<Value, Failure> {
    let config = load(arguments)?;
    let answer = app::ask(config, request).map_err(|error| match error {
        AskError::Wrong(why) => Failure::usage(why),
        AskError::Unreachable(why) => Failure::unreachable(why),
    })?;
    match answer.get("error").and_then(Value::as_str) {
        Some(error) => Err(Failure::bad(error)),
        None => Ok(answer),
    }
}

fn demo() -> Result<(), Failure> {
    match app::demo::run(&mut std::io::stdout()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::bad("not every verdict is the truth and arrived")),
        Err(error) => Err(Failure::usage(error)),
    }
}
