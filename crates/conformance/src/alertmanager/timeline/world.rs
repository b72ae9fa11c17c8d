//! The virtual world: clock, members, sinks and requests on their way.

use std::collections::BTreeMap;

use skopos_alertmanager::config::IntegrationKind;
use skopos_alertmanager::machine::{DeliveryId, FailureReason};
use skopos_alertmanager::view::AlertFilter;
use skopos_alertmanager::{Config, Effect, Notification, Outcome};

use super::action::{Action, GetAlerts, Reload};
use super::member::{Keeps, Member};
use super::message::{Message, sink_of, webhooks_to_sinks};
use super::sink::{Arrival, SinkSpec};
use super::{Body, Flags};

/// Members, sinks, and the time.
pub(super) struct World {
    now_ms: i64,
    flags: Flags,
    config: Config,
    members: Vec<Member>,
    keeps: Keeps,
    sinks: BTreeMap<String, SinkSpec>,
    arrivals: BTreeMap<String, Vec<Arrival>>,
    requests: Vec<Request>,
    silences: BTreeMap<String, String>,
}

/// A request whose answer has not come back.
struct Request {
    member: usize,
    delivery: DeliveryId,
    answered_ms: i64,
    outcome: Outcome,
}

impl World {
    pub(super) fn new(body: &Body, keeps: Keeps) -> Result<Self, String> {
        let flags = Flags::read(&body.flags)?;
        let config = read_config(&body.config, &flags)?;
        let members = (0..body.cluster_size.unwrap_or(1)).map(|position| {
            let mut options = flags.options.clone();
            options.peer_position = position;
            options.seed = u64::from(position) << 32;
            Member::new(&config, options, 0)
        });
        Ok(Self {
            now_ms: 0,
            members: members.collect(),
            flags,
            config,
            keeps,
            sinks: body.webhooks.clone(),
            arrivals: BTreeMap::new(),
            requests: Vec::new(),
            silences: BTreeMap::new(),
        })
    }

    /// What a sink recorded.
    pub(super) fn arrivals(&self, sink: &str) -> &[Arrival] {
        self.arrivals.get(sink).map_or(&[], Vec::as_slice)
    }

    /// Names of the sinks that recorded something.
    pub(super) fn sinks(&self) -> impl Iterator<Item = &String> {
        self.arrivals.keys()
    }

    /// Lets time pass; what is due at the end happens too.
    pub(super) fn run_until(&mut self, end_ms: i64) {
        loop {
            let wakeups = self.members.iter().filter_map(|member| member.machine.next_wakeup_ms());
            let answers = self.requests.iter().map(|request| request.answered_ms);
            let Some(next_ms) = wakeups.chain(answers).min().filter(|next_ms| *next_ms <= end_ms) else {
                break;
            };
            self.now_ms = self.now_ms.max(next_ms);
            self.step();
        }
        self.now_ms = self.now_ms.max(end_ms);
    }

    /// Does what is due now.
    fn step(&mut self) {
        let now_ms = self.now_ms;
        let (due, waiting) = std::mem::take(&mut self.requests)
            .into_iter()
            .partition(|request| request.answered_ms <= now_ms);
        self.requests = waiting;
        for request in due {
            let machine = &mut self.members[request.member].machine;
            machine.complete(now_ms, request.delivery, request.outcome);
        }
        for member in 0..self.members.len() {
            for effect in self.members[member].machine.poll(now_ms) {
                self.carry_out(member, effect);
            }
        }
        self.share();
    }

    /// Members store what changed and tell each other.
    fn share(&mut self) {
        for from in 0..self.members.len() {
            let changes = self.members[from].store(self.now_ms);
            for to in (0..self.members.len()).filter(|to| *to != from) {
                for change in &changes {
                    self.members[to].machine.replicate(self.now_ms, change);
                }
            }
        }
        for member in &mut self.members {
            // What was learned of others is stored and is no news to them.
            member.store(self.now_ms);
        }
    }

    fn carry_out(&mut self, member: usize, effect: Effect) {
        match effect {
            Effect::Cancel { delivery } => {
                for request in &mut self.requests {
                    if request.member == member && request.delivery == delivery {
                        request.answered_ms = self.now_ms;
                        request.outcome = Outcome::Failed {
                            reason: FailureReason::ContextDeadlineExceeded,
                            text: "context deadline exceeded".to_owned(),
                        };
                    }
                }
            }
            Effect::Notify {
                delivery, notification, ..
            } => self.send(member, delivery, &notification),
        }
    }

    fn send(&mut self, member: usize, delivery: DeliveryId, notification: &Notification) {
        let (after_ms, outcome) = match self.exchange(notification) {
            Ok(answered) => answered,
            Err(text) => {
                let reason = FailureReason::Other;
                (0, Outcome::Failed { reason, text })
            }
        };
        self.requests.push(Request {
            member,
            delivery,
            answered_ms: self.now_ms + after_ms,
            outcome,
        });
    }

    /// Sends a message to its sink; gives after how long what comes back.
    fn exchange(&mut self, notification: &Notification) -> Result<(i64, Outcome), String> {
        let receiver = self.config.receiver(&notification.receiver);
        let integration = receiver.and_then(|receiver| receiver.integrations.get(notification.integration));
        let kind = &integration.ok_or("the integration is not configured")?.kind;
        let IntegrationKind::Webhook(webhook) = kind else {
            return Err(format!("a sink stands in for webhooks only, not for {}", kind.name()));
        };
        let sink = sink_of(webhook.url.expose()).ok_or("there is no sink behind the URL")?;
        let message = Message::of(kind, notification)?;
        let answer = self.sinks.entry(sink.to_owned()).or_default().answer(self.now_ms);
        if answer.is_recorded {
            let arrival = Arrival {
                at_ms: self.now_ms,
                message,
            };
            self.arrivals.entry(sink.to_owned()).or_default().push(arrival);
        }
        let timeout_ms = match webhook.timeout.as_millis() as i64 {
            0 => i64::MAX,
            timeout_ms => timeout_ms,
        };
        if answer.after_ms < timeout_ms {
            return Ok((answer.after_ms, outcome_of(answer.status)));
        }
        let outcome = Outcome::Retry {
            reason: FailureReason::ContextDeadlineExceeded,
            text: "the webhook did not answer in time".to_owned(),
            after_ms: None,
        };
        Ok((timeout_ms, outcome))
    }

    pub(super) fn act(&mut self, action: &Action) -> Result<(), String> {
        let now_ms = self.now_ms;
        match action {
            Action::PostAlerts { post_alerts } => {
                for member in &mut self.members {
                    let alerts = post_alerts.iter().map(super::action::AlertSpec::to_post).collect();
                    member.machine.post_alerts(now_ms, alerts);
                }
            }
            Action::PostSilence { post_silence } => {
                let silence = post_silence.to_post(now_ms)?;
                let id = self.members[0].machine.set_silence(now_ms, silence);
                let id = id.map_err(|error| error.to_string())?;
                self.silences.insert(post_silence.name.clone(), id);
            }
            Action::DeleteSilence { delete_silence } => {
                let name = delete_silence.name();
                let id = self
                    .silences
                    .get(name)
                    .ok_or_else(|| format!("no silence is named {name:?}"))?;
                let ended = self.members[0].machine.expire_silence(now_ms, id);
                ended.map_err(|error| error.to_string())?;
            }
            Action::Reload(reload) if reload.happens => self.reload(reload)?,
            Action::Reload(_) => {}
            Action::Restart(restart) => {
                self.requests.clear();
                for member in &mut self.members {
                    member.restart(&self.config, restart.restart, self.keeps, now_ms)?;
                }
            }
            Action::GetAlerts { get_alerts } => self.check_alerts(get_alerts)?,
        }
        self.step();
        Ok(())
    }

    fn reload(&mut self, reload: &Reload) -> Result<(), String> {
        let config = match &reload.config {
            Some(text) => read_config(text, &self.flags),
            None => Ok(self.config.clone()),
        };
        let status = if config.is_ok() { 200 } else { 500 };
        if status != reload.status {
            let error = config.err().unwrap_or_default();
            return Err(format!(
                "the reload should answer {}, it answers {status}: {error}",
                reload.status
            ));
        }
        if let Ok(config) = config {
            self.config = config;
            for member in &mut self.members {
                member.machine.reload(self.now_ms, &self.config);
            }
        }
        Ok(())
    }

    fn check_alerts(&self, wanted: &GetAlerts) -> Result<(), String> {
        let views = self.members[0]
            .machine
            .alert_views(self.now_ms, &AlertFilter::default());
        let mut shown: Vec<(String, String)> = views
            .iter()
            .map(|view| {
                let name = view.alert.labels.get("alertname").to_owned();
                (name, view.status.state().as_str().to_owned())
            })
            .collect();
        shown.sort();
        let mut expected: Vec<(String, String)> = wanted.expect.iter().map(super::action::ShownAlert::pair).collect();
        expected.sort();
        if shown == expected {
            Ok(())
        } else {
            Err(format!("the API should show {expected:?}, it shows {shown:?}"))
        }
    }
}

fn read_config(text: &str, flags: &Flags) -> Result<Config, String> {
    Config::parse(&webhooks_to_sinks(text), &flags.load_options()).map_err(|error| error.to_string())
}

fn outcome_of(status: u16) -> Outcome {
    let text = format!("unexpected status code {status}");
    match status {
        200..=299 => Outcome::Delivered {
            receiver_data: Vec::new(),
        },
        500..=599 => Outcome::Retry {
            reason: FailureReason::ServerError,
            text,
            after_ms: None,
        },
        401 | 403 => Outcome::Failed {
            reason: FailureReason::AuthError,
            text,
        },
        429 => Outcome::Failed {
            reason: FailureReason::RateLimited,
            text,
        },
        _ => Outcome::Failed {
            reason: FailureReason::ClientError,
            text,
        },
    }
}
