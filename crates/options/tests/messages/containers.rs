//! Container lines, command lists and switches.

use crate::support::{assert_default_after, assert_fine, assert_line, lines};
use options::{Fatal, parse};

#[test]
fn container_lines_that_cannot_be_read_keep_everything_from_running() {
    for (text, line, failed_by) in [
        (
            "b2c.run=\"img 'a b\" x",
            "error: b2c.run: `'a b` has an opening ' without a closing one; close it, or write \\' for a plain one | 'a b",
            "img 'a b",
        ),
        (
            "b2c.service=\"img \\\"a b\"",
            "error: b2c.service: `\"a b` has an opening \" without a closing one; close it, or write '\\\"' for a plain one | \"a b",
            "img \"a b",
        ),
        (
            "b2c.run_post=\"img \\\"${A-b}\\\"\"",
            "error: b2c.run_post: `${A-b}` is not a variable: only ${NAME} is known; use single quotes to leave it to a shell in the container | ${A-b}",
            "img \"${A-b}\"",
        ),
        (
            "b2c.run=",
            "error: b2c.run needs a value; write b2c.run=\"[FLAGS] IMAGE [COMMAND…]\" | b2c.run",
            "",
        ),
        (
            "b2c.container",
            "error: b2c.container needs a value; write b2c.container=\"[FLAGS] IMAGE [COMMAND…]\" | b2c.container",
            "",
        ),
        ("b2c.run=\"  \"", "error: b2c.run: `  ` is empty; write at least an image |   ", "  "),
    ] {
        assert_line(text, line);
        assert_eq!(
            assert_default_after(text).fatal,
            Some(Fatal::ContainerLine(failed_by.to_owned())),
            "{text}"
        );
    }
}

#[test]
fn command_substitution_is_not_done_and_warns() {
    let text = "b2c.run=\"img sh -c $(id) `id`\"";
    let why = "is command substitution, which is not done: it is passed on as it is; let a shell in the container do it: sh -c '…'";
    assert_eq!(
        lines(&[text]),
        [
            format!("warning: b2c.run: `$(` {why} | $("),
            format!("warning: b2c.run: ``` {why} | `"),
            format!("warning: b2c.run: ``` {why} | `"),
        ]
    );
    assert_fine("b2c.run=\"img sh -c '$(id) `id`' a|b;c >d\"");
}

#[test]
fn single_quotes_keep_a_variable_for_the_container() {
    let options = assert_fine(r#"b2c.run="img sh -c 'echo $PWD' \"$B2C_X\"""#);
    let words = options.run[0].expand(&|name| Some(format!("<{name}>")));
    let words: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    assert_eq!(words, ["img", "sh", "-c", "echo $PWD", "<B2C_X>"]);
}

#[test]
fn quotes_are_plain_as_the_help_says() {
    let options = assert_fine(r#"b2c.run="img '\"' \'""#);
    let words = options.run[0].expand(&|_| None);
    assert_eq!(words.iter().map(|word| word.text.as_str()).collect::<Vec<_>>(), ["img", "\"", "'"]);
}

#[test]
fn spans_of_words_survive_escaped_quotes() {
    let text = r#"é b2c.run="-e \"A=é b\" 'i'm\"g\"" b"#;
    let line = &parse(&[text]).options.run[0];
    let words = line.expand(&|_| None);
    let words: Vec<_> = words.iter().map(|word| (word.text.as_str(), &text[word.span.clone()])).collect();
    assert_eq!(words, [("-e", "-e"), ("A=é b", r#""A=é b\""#), ("img", r#"'i'm\"g\""#)].map(|(a, b)| (a, b)));
}

#[test]
fn shell_operators_in_a_command_list_warn() {
    assert_line(
        "b2c.shutdown_cmd=\"sync & poweroff -f\"",
        "warning: b2c.shutdown_cmd: `&` is a shell operator, and there is no shell: it is passed on as it is; \
         separate commands by ; or quote the character | &",
    );
    assert_fine("b2c.reboot_cmd=\"echo 'a & b'; reboot -f\"");
}

#[test]
fn pipefail_takes_what_a_switch_takes() {
    for (text, on) in [
        ("b2c.pipefail", true),
        ("b2c.pipefail=", true),
        ("b2c.pipefail=1", true),
        ("b2c.pipefail=off", false),
    ] {
        assert_eq!(assert_fine(text).pipefail, on, "{text}");
    }
    assert_line(
        "b2c.pipefail=something",
        "warning: b2c.pipefail: `something` is no value for a switch: it is on; write b2c.pipefail alone | something",
    );
    assert!(parse(&["b2c.pipefail=something"]).options.pipefail);
}
