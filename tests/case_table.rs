//! The case table is the published one, cell by cell.

use std::fs;
use std::path::Path;

#[test]
fn the_table_is_the_published_one() {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/case-table.txt");
    let expected = fs::read_to_string(&golden).unwrap();
    let table = mailproof::cases::show::table();
    assert_eq!(table, expected, "{} differs", golden.display());
}
