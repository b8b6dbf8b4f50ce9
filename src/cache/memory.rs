//! Small files in memory: the most asked-for of a repository are small, and a file costs four system calls.
//!
//! Two generations instead of an exact order: when the young one has filled half of the memory it becomes the old one,
//! and what was not asked for since the last change is forgotten. A look-up costs one hash.

use std::collections::HashMap;
use std::sync::Mutex;

use bytes::Bytes;

/// Contents by the number of their entry.
#[derive(Debug)]
pub struct Memory {
    most: usize,
    generations: Mutex<Generations>,
}

#[derive(Debug, Default)]
struct Generations {
    young: HashMap<u64, Bytes>,
    old: HashMap<u64, Bytes>,
    bytes: usize,
}

impl Memory {
    /// A memory of so many bytes.
    pub fn new(most: usize) -> Self {
        Self {
            most,
            generations: Mutex::default(),
        }
    }

    /// The content of an entry, if it is remembered.
    pub fn get(&self, id: u64) -> Option<Bytes> {
        let mut generations = self.generations.lock().expect("nobody panics while holding it");
        if let Some(found) = generations.young.get(&id) {
            return Some(found.clone());
        }
        let found = generations.old.remove(&id)?;
        self.insert(&mut generations, id, found.clone());
        Some(found)
    }

    /// Remembers the content of an entry.
    pub fn put(&self, id: u64, content: Bytes) {
        let mut generations = self.generations.lock().expect("nobody panics while holding it");
        self.insert(&mut generations, id, content);
    }

    fn insert(&self, generations: &mut Generations, id: u64, content: Bytes) {
        if generations.bytes + content.len() > self.most / 2 {
            generations.old = std::mem::take(&mut generations.young);
            generations.bytes = 0;
        }
        generations.bytes += content.len();
        if let Some(before) = generations.young.insert(id, content) {
            generations.bytes -= before.len();
        }
    }

    /// Forgets an entry.
    pub fn forget(&self, id: u64) {
        let mut generations = self.generations.lock().expect("nobody panics while holding it");
        generations.old.remove(&id);
        if let Some(before) = generations.young.remove(&id) {
            generations.bytes -= before.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_asked_for_stays_and_the_rest_makes_room() {
        let memory = Memory::new(1000);
        let content = || Bytes::from_static(&[7; 100]);
        memory.put(0, content());
        for id in 1..100 {
            memory.put(id, content());
            assert!(memory.get(0).is_some(), "asked for again and again: {id}");
        }
        assert!(memory.get(50).is_none());
        let generations = memory.generations.lock().unwrap();
        let held = generations.young.len() + generations.old.len();
        assert!(held * 100 <= 1000, "{held}");
    }

    #[test]
    fn a_forgotten_entry_is_gone() {
        let memory = Memory::new(1000);
        memory.put(1, Bytes::from_static(b"x"));
        memory.forget(1);
        assert_eq!(memory.get(1), None);
    }
}
