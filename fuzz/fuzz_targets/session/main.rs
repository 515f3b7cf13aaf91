//! A whole session: arbitrary bytes in arbitrary pieces, handshakes at arbitrary places, and ports that answer anything.
//! However the bytes are cut, replies, questions and records are the same, and each of them keeps the rules of
//! [`watch`].

#![no_main]

mod drive;
mod replies;
mod scene;
mod watch;

use libfuzzer_sys::fuzz_target;
use scene::Scene;

fuzz_target!(|input: &[u8]| {
    let scene = Scene::read(input);
    let whole = drive::run(&scene, &mut scene.whole());
    let cut = drive::run(&scene, &mut scene.cut());
    assert_eq!(whole.said, cut.said, "{}", scene.text());
    assert_eq!(whole.asked, cut.asked, "{}", scene.text());
    assert_eq!(whole.record, cut.record, "{}", scene.text());
});
