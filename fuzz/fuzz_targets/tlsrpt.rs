//! TLS reports: any bytes are read within their limits or refused in words; what was read is about our domains, comes back
//! from the journal as it was, and reads the same packed or not, posted or mailed.
//!
//! Input: an octet for the form, 0 for JSON, 1 for gzip, else a message; then the bytes.

#![no_main]

use data_encoding::BASE64;
use libfuzzer_sys::fuzz_target;
use mailproof::base::{
    Domain, Event, Packing, ReportVia, TakenReport, Timestamp, TlsReport, limits,
};
use mailproof::journal;
use mailproof::spec::tlsrpt::{Content, Flaw, mailed, read, timely};
use std::sync::LazyLock;

static BASE: LazyLock<Domain> = LazyLock::new(|| Domain::parse("example.org").unwrap());

fuzz_target!(|input: &[u8]| {
    let [form, bytes @ ..] = input else {
        return;
    };
    let content = match form {
        0 => read(Packing::Json, bytes, &BASE),
        1 => read(Packing::Gzip, bytes, &BASE),
        _ => mailed(bytes, &BASE).map(|mailed| mailed.content),
    };
    match content {
        Err(Flaw::TooLarge) => {}
        Err(Flaw::Unfit(why)) => is_fit(&why),
        Ok(content) => {
            check(&content.report);
            if *form == 0 {
                comes_by_mail_as_well(bytes, &content);
            }
        }
    }
});

/// Words that can be told.
fn is_fit(text: &str) {
    assert!(!text.is_empty() && text.chars().count() <= limits::NOTED_TEXT);
    assert!(!text.chars().any(char::is_control), "{text:?}");
}

fn check(report: &TlsReport) {
    is_fit(&report.id);
    assert!((1..=limits::TLS_REPORT_POLICIES).contains(&report.policies.len()));
    let mut details = 0;
    for policy in &report.policies {
        let ours = BASE.below(policy.zone.label()).unwrap();
        assert!(policy.domain.is_within(&ours));
        assert!(policy.mx.len() <= limits::TLS_REPORT_DETAILS);
        details += policy.details.len();
    }
    assert!(details <= limits::TLS_REPORT_DETAILS);
    if let Err(Flaw::Unfit(why)) = timely(report, report.until) {
        is_fit(&why);
    }
    let event = Event::TlsReport(Box::new(TakenReport {
        time: Timestamp::UNIX_EPOCH,
        via: ReportVia::Https,
        domain: BASE.clone(),
        authenticated: false,
        report: report.clone(),
    }));
    let stored = journal::encode(&event).unwrap();
    assert_eq!(journal::decode(&stored), Ok(event));
}

fn comes_by_mail_as_well(text: &[u8], content: &Content) {
    let message = format!(
        "Content-Type: application/tlsrpt+json\r\nContent-Transfer-Encoding: base64\r\n\r\n{}\r\n",
        BASE64.encode(text)
    );
    let mailed = mailed(message.as_bytes(), &BASE).map(|mailed| mailed.content);
    assert_eq!(mailed.as_ref(), Ok(content));
}
