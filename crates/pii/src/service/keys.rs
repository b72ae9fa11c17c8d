//! What a key says of its value, whether it is written `user_id`, `userId`, `user-id` or `User.ID`.

use serde_json::Value;

/// Bytes of a key that are read; names are shorter.
const MAX_KEY: usize = 256;

/// What becomes of a value because of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    /// A password, token or key.
    Secret,
    /// An id that is hashed.
    Hashed,
    /// A person's name or address, or a security or its id.
    Personal,
    /// An amount of money.
    Amount,
}

/// Words that make a key secret wherever they stand in it.
const SECRET: &[&str] = &[
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "passcode",
    "secret",
    "secrets",
    "token",
    "apikey",
    "credential",
    "credentials",
    "auth",
    "authorization",
    "cookie",
    "cookies",
    "bearer",
    "jwt",
    "csrf",
    "xsrf",
    "cvv",
    "cvc",
    "otp",
    "mnemonic",
    "privatekey",
    "secretkey",
    "accesskey",
    "signature",
    "passwords",
    "tokens",
    "apikeys",
    "csrftoken",
    "xsrftoken",
    "sessionid",
];
/// Two words that are secret side by side.
const SECRET_PAIRS: &[(&str, &str)] = &[
    ("api", "key"),
    ("api", "keys"),
    ("access", "key"),
    ("private", "key"),
    ("secret", "key"),
    ("signing", "key"),
    ("encryption", "key"),
    ("session", "key"),
    ("account", "number"),
    ("card", "number"),
    ("pin", "code"),
];
/// Last words with which a key speaks of a secret without holding it.
const ABOUT_SECRETS: &[&str] = &[
    "count", "type", "usage", "limit", "budget", "length", "rate", "latency", "seconds", "ms", "status", "enabled",
    "expiry", "expires", "ttl", "method", "result", "ok", "required", "valid", "present", "duration", "total",
    "provider",
];
const PERSONAL: &[&str] = &[
    "email",
    "emails",
    "username",
    "isin",
    "isins",
    "cusip",
    "cusips",
    "sedol",
    "figi",
    "iban",
    "ssn",
    "phone",
    "firstname",
    "lastname",
    "surname",
    "birthday",
    "birthdate",
    "securityid",
    "securityids",
];
const PERSONAL_PAIRS: &[(&str, &str)] = &[
    ("e", "mail"),
    ("user", "name"),
    ("full", "name"),
    ("first", "name"),
    ("last", "name"),
    ("ip", "address"),
    ("remote", "addr"),
    ("client", "ip"),
    ("security", "id"),
    ("security", "ids"),
];
const AMOUNT: &[&str] = &[
    "amount",
    "amounts",
    "balance",
    "balances",
    "price",
    "prices",
    "salary",
    "nav",
    "pnl",
    "notional",
    "proceeds",
    "revenue",
    "payout",
    "dividend",
    "dividends",
    "cash",
    "cost",
    "costs",
    "fee",
    "fees",
    "budget",
    "commission",
];
const AMOUNT_PAIRS: &[(&str, &str)] = &[
    ("market", "value"),
    ("book", "value"),
    ("cost", "basis"),
    ("net", "worth"),
    ("total", "value"),
    ("portfolio", "value"),
    ("position", "value"),
];
/// Words after an amount that leave it one.
const CURRENCY: &[&str] = &[
    "usd", "eur", "gbp", "chf", "jpy", "cents", "local", "base", "total", "value", "basis",
];

/// A key in its words, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Words(Vec<String>);

impl Words {
    /// Splits a key at separators and where capitals begin.
    pub(super) fn of(key: &str) -> Self {
        let key = &key[..key.floor_char_boundary(MAX_KEY)];
        let chars: Vec<char> = key.chars().collect();
        let mut words: Vec<String> = vec![String::new()];
        for (index, c) in chars.iter().enumerate() {
            if !c.is_alphanumeric() {
                words.push(String::new());
                continue;
            }
            let before = index.checked_sub(1).map(|i| chars[i]);
            let after = chars.get(index + 1);
            // `userID` and `APIKey`: a word begins at a capital after a small letter, or before one.
            let begins = c.is_uppercase()
                && before.is_some_and(|b| {
                    b.is_lowercase() || b.is_numeric() || (b.is_uppercase() && after.is_some_and(|a| a.is_lowercase()))
                });
            if begins {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        words.retain(|word| !word.is_empty());
        Self(words)
    }

    fn has(&self, list: &[&str]) -> bool {
        self.0.iter().any(|word| list.contains(&word.as_str()))
    }

    fn has_pair(&self, list: &[(&str, &str)]) -> bool {
        self.0
            .windows(2)
            .any(|pair| list.contains(&(pair[0].as_str(), pair[1].as_str())))
    }

    /// Whether it is, or ends in, the name of this header.
    pub(super) fn is_header(&self, name: &str) -> bool {
        self.last() == name
    }

    fn last(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// What becomes of the value below this key, which itself may stand below another.
    pub(super) fn class(&self, parent: Option<&Self>) -> Option<Class> {
        let is_secret = self.has(SECRET) || self.has_pair(SECRET_PAIRS);
        if is_secret && !ABOUT_SECRETS.contains(&self.last()) {
            return Some(Class::Secret);
        }
        if self.is_hashed(parent) {
            return Some(Class::Hashed);
        }
        let below = |name: &str| parent.is_some_and(|parent| parent.last() == name);
        if self.has(PERSONAL)
            || self.has_pair(PERSONAL_PAIRS)
            || (self.0 == ["id"] && below("security"))
            // Alone it is the thing that is held; in `Strict-Transport-Security` it is not.
            || matches!(self.0.as_slice(), [word] if matches!(word.as_str(), "security" | "securities"))
            || (self.0 == ["name"] && below("user"))
        {
            return Some(Class::Personal);
        }
        let amount = self.0.iter().rposition(|word| AMOUNT.contains(&word.as_str()));
        let ends_in_amount = amount.is_some_and(|at| self.0[at + 1..].iter().all(|w| CURRENCY.contains(&w.as_str())));
        (ends_in_amount || self.has_pair(AMOUNT_PAIRS)).then_some(Class::Amount)
    }

    /// `user_id`, `portfolioIds`, `enduser.id`, and `id` below `user` or `portfolio`.
    fn is_hashed(&self, parent: Option<&Self>) -> bool {
        let is_subject = |word: &str| matches!(word, "user" | "users" | "enduser" | "portfolio" | "portfolios");
        let is_id = |word: &str| matches!(word, "id" | "ids" | "uuid");
        match self.0.as_slice() {
            [.., subject, id] => is_subject(subject) && is_id(id),
            [word] if is_id(word) => parent.is_some_and(|parent| is_subject(parent.last())),
            [word] => matches!(word.as_str(), "userid" | "userids" | "portfolioid" | "portfolioids"),
            [] => false,
        }
    }

    /// Counts of tokens are no tokens, whatever their key says.
    pub(super) fn is_harmless(&self, class: Class, value: &Value) -> bool {
        match value {
            Value::Number(_) => class == Class::Secret && self.last() == "tokens",
            Value::String(text) => {
                class == Class::Secret && self.last() == "tokens" && text.bytes().all(|b| b.is_ascii_digit())
            }
            _ => false,
        }
    }
}

/// Whether the first of two texts may name the second.
pub(super) fn may_be_key(text: &str) -> bool {
    text.len() <= MAX_KEY && !text.is_empty() && !text.contains(char::is_whitespace)
}
