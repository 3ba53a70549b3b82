//! Module parameters and the blacklist, from `module.param=value` words of the kernel command line.

use crate::alias::fold;
use std::collections::{HashMap, HashSet};

/// What the command line says about modules.
#[derive(Debug, Default)]
pub(crate) struct Params {
    by_module: HashMap<String, String>,
    blacklist: HashSet<String>,
}

impl Params {
    /// `words` are pairs of module and `param=value` (or a bare `param`), in order.
    pub(crate) fn new(words: &[(String, String)]) -> Self {
        let mut params = Self::default();
        for (module, word) in words {
            let module = fold(module);
            // `modprobe.blacklist=a,b` looks like a module's parameter, as it does to modprobe(8).
            if let ("modprobe", Some(list)) = (module.as_str(), word.strip_prefix("blacklist=")) {
                params.blacklist.extend(list.split(',').map(fold));
                continue;
            }
            let all = params.by_module.entry(module).or_default();
            if !all.is_empty() {
                all.push(' ');
            }
            all.push_str(&quote(word));
        }
        params
    }

    /// The module's parameters as init_module(2) takes them.
    pub(crate) fn of(&self, module: &str) -> &str {
        self.by_module.get(module).map_or("", String::as_str)
    }

    /// Whether the module must not be loaded because an alias names it. Asked for by its own name, it is (modprobe.d(5)).
    pub(crate) fn is_blacklisted(&self, module: &str) -> bool {
        self.blacklist.contains(module)
    }
}

/// The kernel splits parameters at blanks outside quotes (kernel/params.c, next_arg), and knows no escape.
fn quote(word: &str) -> String {
    match word.split_once('=') {
        Some((name, value)) if value.contains(char::is_whitespace) && !value.contains('"') => {
            format!("{name}=\"{value}\"")
        }
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(words: &[(&str, &str)]) -> Params {
        let words: Vec<_> = words.iter().map(|(m, w)| ((*m).to_owned(), (*w).to_owned())).collect();
        Params::new(&words)
    }

    #[test]
    fn words_add_up_in_order_and_names_are_folded() {
        let params =
            params(&[("snd-hda-intel", "model=a b"), ("loop", "x"), ("snd_hda_intel", "power_save=0")]);
        assert_eq!(params.of("snd_hda_intel"), r#"model="a b" power_save=0"#);
        assert_eq!(params.of("loop"), "x");
        assert_eq!(params.of("other"), "");
    }

    #[test]
    fn modprobe_blacklist_is_a_list() {
        let params = params(&[("modprobe", "blacklist=nouveau,snd-pcm"), ("modprobe", "blacklist=r8169")]);
        for name in ["nouveau", "snd_pcm", "r8169"] {
            assert!(params.is_blacklisted(name), "{name}");
        }
        assert!(!params.is_blacklisted("amdgpu"));
        assert_eq!(params.of("modprobe"), "");
    }
}
