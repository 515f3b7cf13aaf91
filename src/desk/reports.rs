//! The TLS reports taken lately: each once, and of each organisation only so many.
//!
//! Those that prove their organisation are counted apart from the others, which anybody can send.

use super::Desk;
use super::settings::{after, before};
use crate::base::{Domain, Event, TakenReport, Test, Timestamp, limits};
use std::collections::BTreeMap;
use std::time::Duration;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// No more reports are taken, of this organisation or at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// The reports, by organisation.
#[derive(Clone, Debug, Default)]
pub(super) struct Reports(BTreeMap<Domain, Vec<TakenReport>>);

impl Reports {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    fn of(&self, organisation: &Domain) -> &[TakenReport] {
        self.0.get(organisation).map_or(&[], Vec::as_slice)
    }

    pub(super) fn knows(&self, report: &TakenReport) -> bool {
        let known = self.of(&report.domain.registrable());
        known.iter().any(|kept| kept.is_same(report))
    }

    fn has_room(&self, report: &TakenReport) -> bool {
        let likewise = |kept: &&TakenReport| kept.authenticated == report.authenticated;
        let most = match report.authenticated {
            true => limits::TLS_REPORTS,
            false => limits::TLS_REPORTS_UNPROVEN,
        };
        let lately = self
            .of(&report.domain.registrable())
            .iter()
            .filter(likewise);
        let since = before(report.time, DAY);
        let lately = lately.filter(|kept| kept.time > since).count();
        lately < limits::TLS_REPORTS_PER_DAY
            && self.0.values().flatten().filter(likewise).count() < most
    }

    /// Takes one in, whether there was room or not: it is committed.
    pub(super) fn keep(&mut self, report: &TakenReport) {
        if !self.knows(report) {
            let organisation = report.domain.registrable();
            self.0.entry(organisation).or_default().push(report.clone());
        }
    }

    pub(super) fn forget(&mut self, now: Timestamp) {
        for kept in self.0.values_mut() {
            kept.retain(|report| now < after(report.time, limits::TLS_REPORT_KEPT));
        }
        self.0.retain(|_, kept| !kept.is_empty());
    }
}

impl Desk {
    /// Takes in a TLS report; nothing is to be committed of one that is known.
    ///
    /// # Errors
    /// [`Full`] when there is no room for it.
    pub fn tls_report(&mut self, report: TakenReport) -> Result<Vec<Event>, Full> {
        if self.reports.knows(&report) {
            return Ok(Vec::new());
        }
        match self.reports.has_room(&report) {
            true => Ok(self.committed(Event::TlsReport(Box::new(report)))),
            false => Err(Full),
        }
    }

    /// Hands a test the TLS reports on it that it does not have yet; says whether there were any.
    pub fn report_to(&self, test: &mut Test) -> bool {
        if !self.has_reports() {
            return false;
        }
        let mut is_new = false;
        for organisation in test.organisations() {
            for report in self.reports.of(&organisation) {
                is_new |= test.take_in(report);
            }
        }
        is_new
    }

    /// Whether there are TLS reports at all.
    #[must_use]
    pub fn has_reports(&self) -> bool {
        !self.reports.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::super::evidence::{HERE, JIM, connection, only, transact};
    use super::super::scenario::{minute, settings};
    use super::*;
    use crate::base::{
        Certificate, Order, PolicyType, ReportVia, ReportedPolicy, Server, TlsReport, Via, Zone,
    };
    use crate::cases::order::IDLE;

    /// A report of this domain, taken at that minute, on the minutes from one to the other.
    fn report(id: &str, domain: &str, at: i64, (from, until): (i64, i64)) -> TakenReport {
        TakenReport {
            time: minute(at),
            via: ReportVia::Mail,
            domain: Domain::parse(domain).unwrap(),
            authenticated: true,
            report: TlsReport {
                id: id.to_owned(),
                organisation: String::new(),
                from: minute(from),
                until: minute(until),
                policies: Vec::new(),
            },
        }
    }

    fn unproven(report: TakenReport) -> TakenReport {
        TakenReport {
            authenticated: false,
            ..report
        }
    }

    const DAYS: i64 = 24 * 60;

    #[test]
    fn a_report_belongs_to_the_tests_of_its_organisation_and_time() {
        // The test runs from minute 100 to 200; its sender is of sender.example, its host of provider.example.
        for (domain, from, until, belongs) in [
            ("sender.example", 0, DAYS, true),
            ("reports.sender.example", 0, DAYS, true),
            ("provider.example", 0, DAYS, true),
            ("other.example", 0, DAYS, false),
            ("example", 0, DAYS, false),
            ("sender.example", 150, 160, true),
            ("sender.example", 0, 100, true),
            ("sender.example", 0, 99, false),
            ("sender.example", 200, DAYS, true),
            ("sender.example", 201, DAYS, false),
        ] {
            let mut desk = Desk::new(settings());
            let mut own = connection(1, 100, HERE, JIM);
            own.ehlo = Some("out.provider.example".to_owned());
            own.ptr = Domain::parse("out.provider.example").ok();
            transact(&mut desk, &own);
            desk.apply(&Event::Acknowledged {
                test: only(&desk).id,
                time: minute(200),
            });
            let before = only(&desk);
            let report = report("1", domain, 300, (from, until));
            assert_eq!(desk.tls_report(report.clone()).unwrap().len(), 1);
            let test = only(&desk);
            let found = test.tls_reports.contains(&report);
            assert_eq!(found, belongs, "{domain} {from} {until}");
            // The same for a result that is stored already.
            let mut stored = before;
            assert_eq!(desk.report_to(&mut stored), belongs);
            assert_eq!(stored, test);
            assert!(!desk.report_to(&mut stored), "it has it already");
        }
    }

    #[test]
    fn a_report_that_decides_ends_the_waiting_for_a_leader() {
        let mut desk = Desk::new(settings());
        let at = |id, minute, server, envelope| {
            let mut own = connection(id, minute, HERE, envelope);
            own.ptr = Domain::parse("out.sender.example").ok();
            (own.server, own.via) = (Some(server), Some(Via::Sni));
            (own.zone, own.sni) = (Some(Zone::Et), Some("named".to_owned()));
            own.certificate = Some(Certificate::Host(server));
            own
        };
        transact(&mut desk, &at(1, 100, Server::Five, JIM));
        for event in desk.closed(&at(2, 100, Server::Four, None)) {
            desk.apply(&event);
        }
        transact(&mut desk, &at(3, 120, Server::Five, JIM));
        let order = Order {
            time: minute(120),
            order: IDLE[0],
            serial: 1,
        };
        desk.published(order.clone());
        // `verify` and MTA-STS are left, which 3 may tell apart.
        assert_eq!(
            desk.order(minute(121), &order, 1).unwrap()[0],
            Server::Three
        );
        let mut said = report("1", "sender.example", 121, (0, DAYS));
        said.report.policies.push(ReportedPolicy {
            policy_type: PolicyType::Sts,
            zone: Zone::Et,
            domain: Domain::parse("et.example.org").unwrap(),
            mx: Vec::new(),
            success: 1,
            failure: 0,
            details: Vec::new(),
        });
        desk.tls_report(said).unwrap();
        assert_eq!(desk.order(minute(122), &order, 1), None);
    }

    #[test]
    fn what_counts_for_nothing_names_no_organisation() {
        let mut desk = Desk::new(settings());
        let mut own = connection(1, 100, HERE, JIM);
        own.ptr = Domain::parse("out.sender.example").ok();
        transact(&mut desk, &own);
        let mut test = only(&desk);
        let mut other = test.connections[0].clone();
        other.connection.ehlo = Some("out.evil.example".to_owned());
        other.connection.ptr = Domain::parse("out.evil.example").ok();
        other.foreign = true;
        test.connections.push(other);
        desk.tls_report(report("1", "evil.example", 300, (0, DAYS)))
            .unwrap();
        assert!(!desk.report_to(&mut test));
        test.connections[1].foreign = false;
        assert!(desk.report_to(&mut test));
    }

    #[test]
    fn a_report_that_comes_again_is_known_until_it_is_forgotten() {
        let mut desk = Desk::new(settings());
        let first = report("1", "sender.example", 0, (0, DAYS));
        assert_eq!(desk.tls_report(first.clone()).unwrap().len(), 1);
        for (again, events) in [
            (first.clone(), 0),
            (report("1", "mail.sender.example", 9, (0, 1)), 0),
            // Nobody can take its name away by sending first what is not proven.
            (unproven(first.clone()), 1),
            (report("2", "sender.example", 9, (0, DAYS)), 1),
            (report("1", "other.example", 9, (0, DAYS)), 1),
        ] {
            let noted = desk.tls_report(again.clone()).unwrap();
            assert_eq!(noted.len(), events, "{again:?}");
            noted.iter().for_each(|event| desk.apply(event));
        }
        assert!(desk.has_reports());
        desk.tick(minute(4 * DAYS));
        assert!(!desk.has_reports());
        assert_eq!(desk.tls_report(first).unwrap().len(), 1);
    }

    #[test]
    fn reports_without_number_fill_no_memory() {
        let mut desk = Desk::new(settings());
        let numbered =
            |number: usize, domain: &str, at| report(&number.to_string(), domain, at, (0, DAYS));
        let per_day = limits::TLS_REPORTS_PER_DAY;
        for number in 0..per_day {
            desk.tls_report(numbered(number, "sender.example", 0))
                .unwrap();
        }
        let more = |at| numbered(per_day, "sender.example", at);
        assert_eq!(desk.tls_report(more(0)), Err(Full));
        assert!(desk.tls_report(unproven(more(0))).is_ok(), "counted apart");
        assert!(desk.tls_report(more(DAYS)).is_ok(), "the next day");

        let mut count = 0;
        let mut fill = |desk: &mut Desk, kind: fn(TakenReport) -> TakenReport| {
            (0..)
                .map_while(|_| {
                    count += 1;
                    let domain = format!("d{}.example", count / per_day);
                    desk.tls_report(kind(numbered(count, &domain, 0))).ok()
                })
                .count()
        };
        assert_eq!(fill(&mut desk, unproven), limits::TLS_REPORTS_UNPROVEN - 1);
        assert_eq!(
            fill(&mut desk, |report| report),
            limits::TLS_REPORTS - per_day - 1
        );
        let mut test = {
            transact(&mut desk, &connection(1, 100, HERE, JIM));
            only(&desk)
        };
        let of = |test: &Test, authenticated| {
            let kept = test.tls_reports.iter();
            kept.filter(|report| report.authenticated == authenticated)
                .count()
        };
        for number in 1000..1100 {
            let report = numbered(number, "sender.example", 0);
            test.take_in(&report);
            test.take_in(&unproven(report));
        }
        assert_eq!(of(&test, true), limits::TEST_TLS_REPORTS);
        assert_eq!(of(&test, false), limits::TEST_TLS_REPORTS_UNPROVEN);
    }
}
