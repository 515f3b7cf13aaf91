//! Clients that find no place: the others are served, and what may have been missed is said.

use crate::appliance::Appliance;
use crate::client::Client;

const FULL: &str = "421 4.3.2 Too many connections, please come again";

#[test]
fn who_is_turned_away_leaves_a_gap_in_the_tests_of_its_network() {
    let mut appliance = Appliance::started_with("[limits]\nsmtp_clients_per_network = 2\n");
    let mut client = appliance.client();
    client.converse(&[
        ("EHLO out.sender.example", "250"),
        ("MAIL FROM:<jim@sender.example>", "250"),
        ("RCPT TO:<en@et.example.org>", "250"),
        ("DATA", "451 4.7.0"),
    ]);
    assert_eq!(
        appliance.test_of("jim@sender.example")["gaps"]
            .as_array()
            .unwrap()
            .len(),
        0
    );
    // One client has one of its network's two places.
    let mut second = Client::connect(appliance.ports.smtp);
    assert_eq!(second.reply(), FULL);
    assert_eq!(second.reply(), "", "the server closes");
    client.converse(&[("NOOP", "250")]);
    client.quit();
    let at_once = appliance.test_of("jim@sender.example")["gaps"].clone();
    assert_eq!(at_once.as_array().unwrap().len(), 1, "{at_once}");
    assert_eq!(
        (&at_once[0]["what"], &at_once[0]["network"]),
        (&"connections".into(), &"127.0.0.0".into())
    );
    appliance.stop();
    let kept = appliance.test_of("jim@sender.example")["gaps"].clone();
    assert_eq!(kept[0], at_once[0]);
}
