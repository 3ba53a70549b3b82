//! docs/options.md, made from the table.

use crate::groups::GROUPS;
use crate::table::{Mark, OptionSpec, all};
use std::fmt::Write as _;

const HEAD: &str = "# Options

Everything is set on the kernel command line, or in extra arguments: texts that are read as if they followed it. `b2c check 'COMMAND LINE'` reads a command line on a desk,
says what it would do, and shows every mistake in its place.

Extra arguments come from these places, in this order (*new*, but for the last):

1. files of the initramfs, which any concatenated cpio archive may bring: `/user/b2c-args`, then `/etc/b2c.d/*.args` in the order of their names;
2. QEMU's firmware configuration: `-fw_cfg name=opt/b2c/args,file=FILE`;
3. the OEM strings (type 11) of the machine's SMBIOS table that begin with `b2c.args=`: `-smbios type=11,value=b2c.args=…`;
4. the text that [`b2c.extra_args_url`](#b2cextra_args_url) names, which any of the others may do.

The first three are read before anything else is done. Each place may hold 1 MiB of UTF-8 text. One that is there, but cannot be read, is a red line, and no container runs: what is missing may be anything.
What is in a kernel command line can be read in many places: put secrets into extra arguments ([security.md](security.md)).

- Words are separated by blanks. `\"` groups: `b2c.run=\"-ti alpine\"` and `\"b2c.run=-ti alpine\"` are the same. Inside quotes, `\\\"` is a literal `\"`. A quote that is not
  closed runs to the end of the text, with a warning.
- Of an option that may not be repeated the last one wins. Others add up in order, the command line first, then the extra arguments in theirs.
- Words of others are left alone. A word that starts with `b2c.` and is not known is a warning that names the closest option (*divergence*: the original is silent).
- A value that cannot be used is one red line; the option then keeps its default, or that one occurrence is left out. Where running something else than
  what was asked for would be worse, nothing runs: see `b2c.run`, `b2c.volume`, `b2c.modules` and `b2c.extra_args_url`.
- In extra arguments, lines that start with `#` and blank lines are skipped, and a quoted value may hold line ends.
- Kernels cut a command line at 2047 bytes (x86, arm64): one as long as that gets a warning.
- `MODULE.PARAM=VALUE` words are given to kernel modules when they are loaded.

*Kept quirk*: odd, but users depend on it. *Divergence*: unlike the original boot2container, on purpose. *New*: the original has no such thing.

";

/// The page, in Markdown.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    summary(&mut page);
    for group in GROUPS {
        push(&mut page, format_args!("\n## {}\n", group.title));
        group.options.iter().for_each(|spec| section(&mut page, spec));
    }
    page
}

fn summary(page: &mut String) {
    page.push_str("| option | what for |\n|---|---|\n");
    for spec in all() {
        let anchor = spec.name.replace('.', "");
        push(page, format_args!("| [`{}`](#{anchor}) | {} |\n", spec.name, spec.help));
    }
}

fn section(page: &mut String, spec: &OptionSpec) {
    push(page, format_args!("\n### {}\n\n{}\n\n", spec.name, spec.help));
    let syntax =
        if spec.value.is_empty() { spec.name.to_owned() } else { format!("{}={}", spec.name, spec.value) };
    push(page, format_args!("    {syntax}\n\n"));
    push(page, format_args!("{}\n\n", spec.doc));
    if !spec.aliases.is_empty() {
        let aliases: Vec<String> = spec.aliases.iter().map(|alias| format!("`{alias}`")).collect();
        push(page, format_args!("- Also written: {}\n", aliases.join(", ")));
    }
    if !spec.default.is_empty() {
        push(page, format_args!("- Default: {}\n", spec.default));
    }
    page.push_str(if spec.repeatable { "- May be repeated.\n" } else { "- The last one wins.\n" });
    for mark in spec.marks {
        let (kind, text) = match mark {
            Mark::KeptQuirk(text) => ("Kept quirk", text),
            Mark::Divergence(text) => ("Divergence", text),
            Mark::New(text) => ("New", text),
        };
        push(page, format_args!("- *{kind}*: {text}\n"));
    }
    push(page, format_args!("\n```\n{}\n```\n", spec.example));
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = page.write_fmt(text);
}
