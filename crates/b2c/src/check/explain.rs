//! What a machine would do, in the order of a boot, in plain words.

mod describe;

use super::finding::{first_bad_line, one_line};
use describe::{ca, cache, command_list, container, iface, proxy, registry_mirror, report, swap};
use options::groups::machine::HOSTNAME;
use options::{CacheDevice, DEFAULT_WATCHDOG, Fatal, NtpPeer, Options, Parsed, Volume, shown_url};
use std::fmt::Write as _;

/// One line for each thing that would happen. `complete` says that the extra arguments were read too.
pub fn explain(parsed: &Parsed, complete: bool) -> String {
    let options = &parsed.options;
    let mut story = Story { options, text: "What would happen, in order:\n\n".to_owned(), lines: 0 };
    story.watchdog();
    story.modules();
    story.network();
    story.extra_args(complete);
    story.names();
    story.storage();
    let fatal = parsed.fatal.as_ref().map(|fatal| fatal.failed_by().to_owned());
    let refused = fatal.or_else(|| first_bad_line(options));
    match &refused {
        Some(text) => {
            story.tell("Containers", &format!("no step runs, because of a mistake: {text}"));
            if matches!(parsed.fatal, None | Some(Fatal::ContainerLine(_))) {
                story.post_containers();
            }
        }
        None => story.containers(),
    }
    story.status(refused.is_some());
    story.end();
    story.text
}

struct Story<'a> {
    options: &'a Options,
    text: String,
    lines: usize,
}

impl Story<'_> {
    fn tell(&mut self, what: &str, how: &str) {
        self.lines += 1;
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{:>3}. {what}: {}", self.lines, one_line(how));
    }

    fn modules(&mut self) {
        if !self.options.insmods.is_empty() {
            self.tell(
                "Module files",
                &format!("from /usr_mods, in this order: {}", self.options.insmods.join(", ")),
            );
        }
        let modules = match self.options.modules_load.as_slice() {
            [] => "those that the hardware asks for".to_owned(),
            named => format!("{}, and those that the hardware asks for", named.join(", ")),
        };
        self.tell("Kernel modules", &modules);
    }

    fn watchdog(&mut self) {
        let options = self.options;
        if options.watchdog != Some(DEFAULT_WATCHDOG) {
            let how = options.watchdog.map_or("off".to_owned(), |time| {
                format!("the machine is reset when it has hung for {} s", time.as_secs())
            });
            self.tell("Watchdog", &how);
        }
        if let Some(time) = options.timeout {
            let how = format!("{} s after the start of the kernel, the pipeline is cut", time.as_secs());
            self.tell("Time limit", &how);
        }
    }

    fn network(&mut self) {
        match (self.options.iface.as_slice(), &self.options.ip) {
            ([], None) => self.tell(
                "Network",
                "whatever the links offer (DHCP, IPv6 router advertisements), the first that answers wins",
            ),
            ([], Some(ip)) => self.tell("Network", &format!("left as the kernel set it up from ip={ip}")),
            (ifaces, _) => ifaces.iter().for_each(|link| self.tell("Network", &iface(link))),
        }
        if let Some(settings) = &self.options.proxy {
            self.tell("Proxy", &proxy(settings));
        }
        match &self.options.ntp_peer {
            NtpPeer::None => {}
            NtpPeer::Auto => {
                self.tell("Clock", "set from the servers that DHCP names, else pool.ntp.org, 3 tries of 5 s");
            }
            NtpPeer::Host(host) => self.tell("Clock", &format!("set from {host}, 3 tries of 5 s")),
        }
        self.options.ca.iter().for_each(|file| self.tell("Trusted certificates", &ca(file)));
    }

    fn extra_args(&mut self, complete: bool) {
        let Some(url) = &self.options.extra_args_url else { return };
        let note = match complete {
            true => "what they say is part of this list",
            false => "they may change everything in this list; --extra-args FILE reads them here",
        };
        self.tell("Extra arguments", &format!("fetched from {}; {note}", shown_url(url)));
    }

    fn names(&mut self) {
        match &self.options.hostname {
            Some(name) => self.tell("Host name", name),
            None => self.tell("Host name", &format!("what the DHCP server gives, else {HOSTNAME}")),
        }
        if let Some(keymap) = &self.options.keymap {
            self.tell("Keyboard", keymap);
        }
    }

    fn storage(&mut self) {
        for nbd in &self.options.nbd {
            let device = format!("/dev/nbd{}", nbd.index);
            let how = format!("{device} from {} port {}", nbd.host, nbd.port);
            self.tell("Network block device", &how);
        }
        if self.options.cache.device == CacheDevice::None {
            self.tell("Cache", "none, everything is in memory");
        } else {
            self.tell("Cache", &cache(&self.options.cache));
        }
        if let Some(space) = &self.options.swap {
            self.tell("Swap", &swap(space));
        }
        if let Some(stores) = &self.options.storage {
            self.tell("Images", &format!("also from {}", stores.additional.join(", ")));
        }
        for source in &self.options.modules {
            self.tell("Modules and firmware", &describe::modules(source));
        }
        self.registries();
        for alias in &self.options.minio {
            let how = format!("{} is {}", alias.name, shown_url(&alias.url));
            self.tell("S3 endpoint", &how);
        }
        for volume in &self.options.volume {
            self.tell("Volume", &describe::volume(volume));
        }
    }

    fn registries(&mut self) {
        let options = self.options;
        options.registry_mirror.iter().for_each(|it| self.tell("Images", &registry_mirror(it)));
        for login in &options.login {
            self.tell("Registry login", &format!("{} with a user and a password", login.registry));
        }
    }

    fn containers(&mut self) {
        let options = self.options;
        options.run_service.iter().for_each(|line| self.tell("Service", &container(line)));
        let steps = options.run.len();
        for (index, line) in options.run.iter().enumerate() {
            self.tell(&format!("Step {} of {steps}", index + 1), &container(line));
        }
        if steps > 1 {
            let then =
                if options.pipefail { "the pipeline ends there" } else { "the next one runs all the same" };
            self.tell("If a step fails", then);
        }
        self.post_containers();
    }

    fn post_containers(&mut self) {
        let options = self.options;
        options.run_post.iter().for_each(|line| self.tell("Afterwards, always", &container(line)));
    }

    fn status(&mut self, refused: bool) {
        let status = match refused {
            true => "1, for no step could run",
            false if self.options.run.is_empty() && self.options.run_service.is_empty() => {
                "0, for there is no step"
            }
            false if self.options.run.is_empty() => "0, or 1 if a service cannot be started",
            false => "the exit code of the first step that fails, else 0",
        };
        let is_mirrored = |volume: &Volume| volume.pull_from.is_some() || volume.push_to.is_some();
        let volumes = match !refused && self.options.volume.iter().any(is_mirrored) {
            true => "; 1 if a volume cannot be mirrored",
            false => "",
        };
        self.tell("Pipeline status", &format!("{status}{volumes}"));
    }

    fn end(&mut self) {
        let options = self.options;
        options.report.iter().for_each(|sink| self.tell("Report", &report(sink)));
        let delay = match self.options.poweroff_delay.as_secs() {
            0 => String::new(),
            seconds => format!(", {seconds} s of waiting"),
        };
        let commands = command_list(&self.options.shutdown_cmd);
        self.tell(
            "End",
            &format!("clean-up, \"It's now safe to turn off your computer\"{delay}, {commands}"),
        );
        self.tell("If a container asks for a reboot", &command_list(&self.options.reboot_cmd));
    }
}
