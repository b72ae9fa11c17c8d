//! Sessions in memory with their messages and replies, bounded in number, age and length. Takes `now`, has no clock.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::broadcast;

use crate::topics::{Message, Reply};

/// Turns that a session keeps; older ones are forgotten.
const MAX_TURNS: usize = 50;
/// Replies that a slow listener may lag behind before it loses the oldest.
const LISTENER_BACKLOG: usize = 16;

/// All sessions of the gateway.
#[derive(Debug)]
pub(super) struct Sessions {
    max_count: usize,
    max_idle_ms: i64,
    all: Mutex<All>,
}

#[derive(Debug, Default)]
struct All {
    by_id: HashMap<String, Session>,
    /// Last use and id, so that the one idle longest is found first.
    by_use: BTreeSet<(i64, String)>,
}

#[derive(Debug)]
struct Session {
    tenant: String,
    persona_id: String,
    created_ms: i64,
    used_ms: i64,
    turns: Vec<Turn>,
    listeners: broadcast::Sender<Reply>,
}

/// A message with its reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Turn {
    pub(super) message_id: String,
    pub(super) text: String,
    pub(super) received_ms: i64,
    pub(super) reply: Option<Reply>,
}

/// A session as its users see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct SessionView {
    pub(super) session_id: String,
    pub(super) tenant: String,
    pub(super) persona_id: String,
    pub(super) created_ms: i64,
    pub(super) turns: Vec<Turn>,
}

impl Sessions {
    pub(super) fn new(max_count: usize, max_idle_ms: i64) -> Self {
        Self {
            max_count,
            max_idle_ms,
            all: Mutex::default(),
        }
    }

    /// Opens a session, closing idle ones and, when full, the one idle longest.
    pub(super) fn open(&self, session_id: &str, tenant: &str, persona_id: &str, now_ms: i64) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.close_until(now_ms - self.max_idle_ms);
        while all.by_id.len() >= self.max_count {
            all.close_oldest();
        }
        let session = Session {
            tenant: tenant.to_owned(),
            persona_id: persona_id.to_owned(),
            created_ms: now_ms,
            used_ms: now_ms,
            turns: Vec::new(),
            listeners: broadcast::Sender::new(LISTENER_BACKLOG),
        };
        all.by_use.insert((now_ms, session_id.to_owned()));
        all.by_id.insert(session_id.to_owned(), session);
    }

    /// The session's persona, if the tenant has such a session.
    pub(super) fn persona(&self, session_id: &str, tenant: &str, now_ms: i64) -> Option<String> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.using(session_id, Some(tenant), now_ms)
            .map(|session| session.persona_id.clone())
    }

    /// Keeps a message until its reply comes.
    pub(super) fn add(&self, message: &Message) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = all.using(&message.session_id, None, message.received_ms) {
            if session.turns.len() >= MAX_TURNS {
                session.turns.remove(0);
            }
            session.turns.push(Turn {
                message_id: message.message_id.clone(),
                text: message.text.clone(),
                received_ms: message.received_ms,
                reply: None,
            });
        }
    }

    /// Takes a message back that the bus did not take.
    pub(super) fn withdraw(&self, message: &Message) {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(session) = all.by_id.get_mut(&message.session_id) {
            session.turns.retain(|turn| turn.message_id != message.message_id);
        }
    }

    /// Joins a reply to its message and tells the listeners; false where no message waits for it.
    pub(super) fn reply(&self, reply: Reply, now_ms: i64) -> bool {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(session) = all.using(&reply.session_id, None, now_ms) else {
            return false;
        };
        let waiting = session
            .turns
            .iter_mut()
            .find(|turn| turn.message_id == reply.in_reply_to && turn.reply.is_none());
        let Some(turn) = waiting else { return false };
        turn.reply = Some(reply.clone());
        // Fails where nobody listens, which is normal.
        drop(session.listeners.send(reply));
        true
    }

    /// The session with its turns.
    pub(super) fn view(&self, session_id: &str, tenant: Option<&str>, now_ms: i64) -> Option<SessionView> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        let session = all.using(session_id, tenant, now_ms)?;
        Some(SessionView {
            session_id: session_id.to_owned(),
            tenant: session.tenant.clone(),
            persona_id: session.persona_id.clone(),
            created_ms: session.created_ms,
            turns: session.turns.clone(),
        })
    }

    /// Replies from now on.
    pub(super) fn listen(&self, session_id: &str, tenant: &str, now_ms: i64) -> Option<broadcast::Receiver<Reply>> {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        all.using(session_id, Some(tenant), now_ms)
            .map(|session| session.listeners.subscribe())
    }
}

impl All {
    /// The session, marked as used; nothing of another tenant's.
    fn using(&mut self, session_id: &str, tenant: Option<&str>, now_ms: i64) -> Option<&mut Session> {
        let session = self.by_id.get_mut(session_id)?;
        if tenant.is_some_and(|tenant| tenant != session.tenant) {
            return None;
        }
        self.by_use.remove(&(session.used_ms, session_id.to_owned()));
        session.used_ms = session.used_ms.max(now_ms);
        self.by_use.insert((session.used_ms, session_id.to_owned()));
        Some(session)
    }

    fn close_until(&mut self, used_ms: i64) {
        while self.by_use.first().is_some_and(|(used, _)| *used < used_ms) {
            self.close_oldest();
        }
    }

    fn close_oldest(&mut self) {
        if let Some((_, id)) = self.by_use.pop_first() {
            self.by_id.remove(&id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::topics::ReplyStatus;

    fn message(session: &str, id: &str) -> Message {
        Message {
            message_id: id.to_owned(),
            session_id: session.to_owned(),
            tenant: "acme".to_owned(),
            persona_id: "tutor".to_owned(),
            text: "hello".to_owned(),
            received_ms: 10,
        }
    }

    fn reply(session: &str, id: &str) -> Reply {
        Reply {
            in_reply_to: id.to_owned(),
            session_id: session.to_owned(),
            status: ReplyStatus::Answered,
            intent: "greeting".to_owned(),
            text: "hello yourself".to_owned(),
            tool: None,
        }
    }

    #[test]
    fn a_reply_is_joined_once_and_heard() {
        let sessions = Sessions::new(10, 1000);
        sessions.open("s", "acme", "tutor", 0);
        sessions.add(&message("s", "m"));
        let mut listener = sessions.listen("s", "acme", 10).expect("open");
        assert!(sessions.reply(reply("s", "m"), 20));
        assert!(!sessions.reply(reply("s", "m"), 21), "a repeat");
        assert!(!sessions.reply(reply("s", "other"), 22));
        assert_eq!(listener.try_recv().ok(), Some(reply("s", "m")));
        assert!(listener.try_recv().is_err());
        let view = sessions.view("s", Some("acme"), 30).expect("open");
        assert_eq!(view.turns[0].reply, Some(reply("s", "m")));
    }

    #[test]
    fn other_tenants_see_nothing() {
        let sessions = Sessions::new(10, 1000);
        sessions.open("s", "acme", "tutor", 0);
        assert_eq!(sessions.view("s", Some("globex"), 1), None);
        assert_eq!(sessions.persona("s", "globex", 1), None);
        assert!(sessions.listen("s", "globex", 1).is_none());
    }

    #[test]
    fn number_age_and_length_are_bounded() {
        let sessions = Sessions::new(2, 1000);
        let is_open = |id: &str, now_ms| sessions.view(id, None, now_ms).is_some();
        sessions.open("a", "acme", "tutor", 0);
        sessions.open("b", "acme", "tutor", 1);
        assert!(is_open("a", 2));
        sessions.open("c", "acme", "tutor", 3);
        assert!(is_open("a", 4) && !is_open("b", 4) && is_open("c", 5));
        sessions.open("d", "acme", "tutor", 1006);
        assert!(!is_open("a", 1006) && !is_open("c", 1006));
        for n in 0..=MAX_TURNS {
            sessions.add(&message("d", &n.to_string()));
        }
        let turns = sessions.view("d", None, 1007).expect("open").turns;
        assert_eq!((turns.len(), turns[0].message_id.as_str()), (MAX_TURNS, "1"));
    }

    #[test]
    fn a_withdrawn_message_is_gone() {
        let sessions = Sessions::new(2, 1000);
        sessions.open("s", "acme", "tutor", 0);
        sessions.add(&message("s", "m"));
        sessions.withdraw(&message("s", "m"));
        assert!(sessions.view("s", None, 1).expect("open").turns.is_empty());
    }
}
