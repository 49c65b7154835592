//! `docs/connecting.md` says what the code does.

use pgnudge::settings::{Decision, FileFacts, FileKind, KEYWORDS};

use crate::imagined::{Imagined, resolve_in};

fn page() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/pages/connecting.md");
    std::fs::read_to_string(path).expect(path)
}

/// The cells of the table that starts with this header, without backquotes.
fn table(header: &str) -> Vec<Vec<String>> {
    let page = page();
    let (_, rest) = page.split_once(header).expect(header);
    let rows = rest.lines().skip(2).take_while(|line| line.starts_with('|'));
    let cells = |row: &str| {
        let cells = row.trim_matches('|').split('|');
        cells.map(|cell| cell.trim().to_owned()).collect()
    };
    rows.map(cells).collect()
}

fn plain(cell: &str) -> String {
    cell.replace('`', "")
}

#[test]
fn uri_examples_mean_what_they_say() {
    let directory = FileFacts { kind: FileKind::Directory, mode: 0o755, owner: 0 };
    let files = Imagined::new().entry("/var/run/postgresql", directory, b"");
    let environment = files.environment();
    let rows = table("| text | hosts | user | database |");
    assert!(rows.len() >= 10);
    for row in rows {
        let settings = resolve_in(&plain(&row[0]), &environment).settings;
        let hosts: Vec<_> = settings.hosts.iter().map(|host| format!("`{host}`")).collect();
        let found = [hosts.join(" "), settings.user, settings.database];
        assert_eq!(found, [row[1].clone(), plain(&row[2]), plain(&row[3])], "{}", row[0]);
    }
}

#[test]
fn the_table_has_every_keyword() {
    let rows = table("| keyword | variable | since | in pgnudge |");
    let documented: Vec<_> =
        rows.iter().map(|row| row[..3].iter().map(|c| plain(c)).collect::<Vec<_>>()).collect();
    let keyword = |keyword: &pgnudge::settings::Keyword| -> Vec<String> {
        let variable = keyword.variable.unwrap_or_default();
        vec![keyword.name.to_owned(), variable.to_owned(), keyword.since.to_string()]
    };
    assert_eq!(documented, KEYWORDS.iter().map(keyword).collect::<Vec<_>>());
}

#[test]
fn the_table_tells_every_decision() {
    let rows = table("| keyword | variable | since | in pgnudge |");
    for (keyword, row) in KEYWORDS.iter().zip(&rows) {
        let told = &row[3];
        let (start, reason) = match keyword.decision {
            Decision::Only(_, reason) => ("`", reason),
            Decision::Harmless(reason) => ("no effect: ", reason),
            Decision::Refused(reason) | Decision::RefusedSecret(reason) => ("refused: ", reason),
            _ => ("", ""),
        };
        assert!(told.starts_with(start) && told.contains(reason), "{}: {told}", keyword.name);
    }
}
