//! A secret in the wrong place: what is wrong is said without it.

use crate::running::{finished, pgnudge};

const SECRET: &str = "hunter2";

#[test]
fn no_argument_variable_or_file_is_repeated() {
    let file = std::env::temp_dir().join(format!("pgnudge-secret-{}.toml", std::process::id()));
    let config = format!("--config={}", file.display());
    let in_file = |text: &str| std::fs::write(&file, text).unwrap();
    let check = |what: &str, command: &mut std::process::Command| {
        let (status, stdout, words) = finished(command);
        assert_eq!((status, &*stdout), (2, ""), "{what}: {words}");
        assert!(words.starts_with("error: ") && words.contains("\nhint: "), "{what}: {words}");
        assert!(!words.contains(SECRET), "{what}: {words}");
        words
    };
    let dsn = "postgres://u:hunter2@h/d";
    check("no command", pgnudge().arg(dsn));
    check("two", pgnudge().args(["watch", "host=h", dsn]));
    check("a value", pgnudge().args(["watch", "--debounce", dsn]));
    check("a flag", pgnudge().args(["watch", "--password=hunter2"]));
    check("a variable", pgnudge().arg("watch").env("PGNUDGE_DEBOUNCE", SECRET));
    check("a number", pgnudge().args(["bridge", "--http=1"]).env("PGNUDGE_HTTP_MAX_SUBSCRIBERS", SECRET));
    for (text, place) in [
        ("dsn = \"host=h password=hunter2", "line 1, column"),
        ("once = true\nhttp-token = hunter2\n", "line 2, column"),
        ("http-token = [\"hunter2\", \"hunter2\"]\n", "line 1, column 14"),
        ("\ndebounce = \"hunter2\"\n", "line 2, column 12"),
        ("dsn = 'a' 'hunter2'", "line 1, column"),
        ("http-token = \"hunter2\"\nhttp-token = \"hunter2\"", "line 2, column"),
    ] {
        in_file(text);
        let words = check(text, pgnudge().args([&*config, "watch"]));
        assert!(words.contains(place), "{text}: {words}");
    }
    in_file("http-token = 'hunter2'\ndsn = 'password=hunter2'\nnotify-dsn = 'password=hunter2'\n");
    let (status, help, _) = finished(pgnudge().args([&*config, "bridge", "--help"]).env("PGNUDGE_DSN", dsn));
    assert!(status == 0 && help.contains("--http-token") && !help.contains(SECRET), "{help}");
    std::fs::remove_file(file).unwrap();
}
