//! Which thread of which engine runs: a wait for an engine from one of its own threads would never end, and commands given inside
//! an inline callback need no wake-up.

use std::cell::Cell;

/// What the current thread is to an engine.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Signalling thread of this shard.
    Shard(u8),
    /// Media worker or file thread.
    Worker,
    /// The callback thread.
    Callback,
}

thread_local! {
    static CURRENT: Cell<Option<(u8, Role)>> = const { Cell::new(None) };
}

impl Role {
    /// Says, once per thread, what it is.
    pub(crate) fn enter(self, engine: u8) {
        CURRENT.set(Some((engine, self)));
    }

    /// What the current thread is to `engine`; `None` for the application's own threads.
    pub(crate) fn of_current_thread(engine: u8) -> Option<Role> {
        CURRENT.get().filter(|(number, _)| *number == engine).map(|(_, role)| role)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_has_its_role_for_its_own_engine_only() {
        std::thread::spawn(|| {
            assert_eq!(Role::of_current_thread(1), None);
            Role::Shard(2).enter(1);
            assert_eq!(Role::of_current_thread(1), Some(Role::Shard(2)));
            assert_eq!(Role::of_current_thread(3), None);
        })
        .join()
        .unwrap();
    }
}
