//! Laying settings over each other: defaults < profile < groups in order < node.

use crate::cluster::{Settings, Sourced};

impl Settings {
    /// These settings with a higher layer over them. Single values: the higher one wins. Lists: both, without
    /// repetition; a user or a file of the higher layer takes the place of the one with the same name or path.
    pub(crate) fn overlay(&mut self, higher: &Self) {
        fn win<T: Clone>(low: &mut Option<Sourced<T>>, high: &Option<Sourced<T>>) {
            if high.is_some() {
                low.clone_from(high);
            }
        }
        fn join<T: Clone, K: PartialEq>(low: &mut Vec<Sourced<T>>, high: &[Sourced<T>], key: impl Fn(&T) -> K) {
            for item in high {
                match low.iter_mut().find(|known| key(&known.value) == key(&item.value)) {
                    Some(known) => known.clone_from(item),
                    None => low.push(item.clone()),
                }
            }
        }
        fn extend(low: &mut Vec<Sourced<String>>, high: &[Sourced<String>]) {
            for item in high {
                if !low.iter().any(|known| known.value == item.value) {
                    low.push(item.clone());
                }
            }
        }
        win(&mut self.boot, &higher.boot);
        win(&mut self.image, &higher.image);
        win(&mut self.via, &higher.via);
        win(&mut self.medium, &higher.medium);
        win(&mut self.disk, &higher.disk);
        win(&mut self.layout, &higher.layout);
        win(&mut self.keyboard, &higher.keyboard);
        win(&mut self.root_password_hash, &higher.root_password_hash);
        win(&mut self.mirror, &higher.mirror);
        win(&mut self.firmware, &higher.firmware);
        win(&mut self.after_install, &higher.after_install);
        win(&mut self.ready_when, &higher.ready_when);
        win(&mut self.ssh_key_from, &higher.ssh_key_from);
        win(&mut self.attempts, &higher.attempts);
        win(&mut self.loader, &higher.loader);
        win(&mut self.console, &higher.console);
        win(&mut self.timezone, &higher.timezone);
        win(&mut self.locale, &higher.locale);
        extend(&mut self.ntp, &higher.ntp);
        extend(&mut self.kernel_args, &higher.kernel_args);
        extend(&mut self.packages, &higher.packages);
        join(&mut self.package_sources, &higher.package_sources, |source| {
            source.name.clone()
        });
        extend(&mut self.ssh_keys, &higher.ssh_keys);
        join(&mut self.users, &higher.users, |user| user.name.clone());
        join(&mut self.files, &higher.files, |file| file.path.clone());
        extend(&mut self.commands, &higher.commands);
        // One layer may say a step twice: start anew, look, start anew.
        let below = self.after_ready.len();
        for step in &higher.after_ready {
            if !self.after_ready[..below]
                .iter()
                .any(|known| known.value.act == step.value.act)
            {
                self.after_ready.push(step.clone());
            }
        }
    }
}
