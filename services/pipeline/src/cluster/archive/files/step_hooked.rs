//! Steps that tests put a kill or another replica's work before.

use std::cell::RefCell;
use std::io;

type Hook = Box<dyn FnMut(&str) -> io::Result<()>>;

thread_local! {
    static HOOK: RefCell<Option<Hook>> = const { RefCell::new(None) };
}

/// Calls this before each step of this thread, while `work` runs; steps within the hook itself are not hooked.
pub(in crate::cluster::archive) fn hooked<R>(hook: Hook, work: impl FnOnce() -> R) -> R {
    HOOK.set(Some(hook));
    let result = work();
    HOOK.set(None);
    result
}

pub(super) fn before(what: &str) -> io::Result<()> {
    let Some(mut hook) = HOOK.take() else { return Ok(()) };
    let result = hook(what);
    HOOK.set(Some(hook));
    result
}

pub(super) const fn first_part(length: usize) -> usize {
    length / 2
}
