//! Words, quotes and names.

use crate::support::{assert_fine, assert_line, lines};
use options::{NtpPeer, parse};

#[test]
fn unknown_option_names_the_closest_one() {
    assert_line(
        "b2c.contianer=\"-ti img\"",
        "warning: unknown option b2c.contianer is ignored; the closest known one is b2c.container | b2c.contianer",
    );
    assert_line("b2c.", "warning: unknown option b2c. is ignored; the closest known one is b2c.ca | b2c.");
    assert_line(
        "b2c.pipe-fail",
        "warning: unknown option b2c.pipe-fail is ignored; the closest known one is b2c.pipefail | b2c.pipe-fail",
    );
}

#[test]
fn words_of_others_are_left_alone() {
    let options = assert_fine(
        "SALAD.machine_id=b4:2e:99 nouveau.config=NvGspRm=1 quiet #!jinja2 extra=\"\" ip console=ttyS0,115200 .x x. =",
    );
    let params = [("SALAD", "machine_id=b4:2e:99"), ("nouveau", "config=NvGspRm=1")];
    assert_eq!(options.module_params, params.map(|(module, param)| (module.to_owned(), param.to_owned())));
}

#[test]
fn module_parameters_fold_dashes_and_keep_quotes() {
    let options = assert_fine("snd-hda-intel.model=a-b i915.flag dyndbg.x=\"a b\" b2c.pipefail");
    let params = [("snd_hda_intel", "model=a-b"), ("i915", "flag"), ("dyndbg", "x=\"a b\"")];
    assert_eq!(options.module_params, params.map(|(module, param)| (module.to_owned(), param.to_owned())));
}

#[test]
fn unterminated_quote_of_the_command_line_warns() {
    assert_line(
        "b2c.run=\"-ti img quiet",
        "warning: a quote that is opened is not closed: its value runs to the end of the text; close it with \" | \"",
    );
    assert_eq!(parse(&["b2c.run=\"-ti img quiet"]).options.run[0].text, "-ti img quiet");
}

#[test]
fn a_cut_command_line_warns() {
    let line = |length: usize| format!("b2c.pipefail {}", "x".repeat(length - 13));
    assert_fine(&line(2046));
    let found = lines(&[&format!("{}\n", line(2047))]);
    assert_eq!(
        found,
        [
            "warning: the command line is 2047 bytes long: kernels cut it at 2047; move options to a text that b2c.extra_args_url names | x"
        ]
    );
    assert_eq!(lines(&["", &line(3000)]), [""; 0], "extra arguments may be long");
}

#[test]
fn the_last_scalar_wins_and_lists_add_up() {
    let extra = "# one\n\nb2c.run=\"b\nc\" b2c.ntp_peer=auto unknown=1\r\nb2c.container=d";
    assert_eq!(lines(&["b2c.run=a b2c.ntp_peer=ci-gateway", extra]), [""; 0]);
    let options = parse(&["b2c.run=a b2c.ntp_peer=ci-gateway", extra]).options;
    assert_eq!(options.run.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["a", "b\nc", "d"]);
    assert_eq!(options.run.iter().map(|line| line.source).collect::<Vec<_>>(), [0, 1, 1]);
    assert_eq!(options.ntp_peer, NtpPeer::Auto);
}

#[test]
fn control_characters_do_not_reach_the_console() {
    assert_line(
        "b2c.hostname=\"a\nb\u{1b}[0m\"",
        "error: b2c.hostname: `a\\nb\\u{1b}[0m` is not a name; use letters, digits, _ . - and start with a letter or a digit | a\nb\u{1b}[0m",
    );
}

#[test]
fn hostile_texts_give_a_bounded_number_of_lines() {
    let found = lines(&[&"b2c.x ".repeat(5000)]);
    assert_eq!(found.len(), 101);
    assert_eq!(found[100], "warning: b2c.x: and more mistakes, which are not shown | b2c.x");
}
