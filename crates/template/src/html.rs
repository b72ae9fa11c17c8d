//! Where a value stands in HTML, followed along the printed text, and what must be escaped there
//! (`html/template`, which works it out before it runs; here the printed text decides).

mod escape;

use crate::value::{Safe, SafePlace, Value};
use escape::{css, html, javascript, rcdata, unquoted, url};

/// Attributes that hold a URL; names with `src`, `uri` or `url` in them do too.
const URL_ATTRIBUTES: &[&str] = &[
    "action",
    "archive",
    "background",
    "cite",
    "classid",
    "codebase",
    "data",
    "formaction",
    "href",
    "icon",
    "longdesc",
    "manifest",
    "poster",
    "profile",
    "src",
    "usemap",
    "xmlns",
];

/// What an attribute holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Attribute {
    Plain,
    Url(UrlPart),
    Css,
    Script,
}

/// How far a URL has been printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UrlPart {
    /// Nothing yet: the scheme is still open.
    Start,
    /// Before the query.
    Path,
    /// In the query or the fragment.
    Query,
}

/// What ends an attribute's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Delimiter {
    Quote(char),
    Space,
}

/// An element whose content is not HTML.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Raw {
    Text(&'static str),
    Script { quote: Option<char> },
    Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    #[default]
    Text,
    Comment,
    /// Inside a tag, outside of values.
    Tag,
    AttributeName,
    /// After a name, before `=`.
    AfterName,
    /// After `=`.
    BeforeValue,
    Value(Attribute, Delimiter),
    Raw(Raw),
}

/// The place that the printed text has come to.
#[derive(Debug, Clone, Default)]
pub(crate) struct HtmlContext {
    state: State,
    /// The element of the tag, lower case, `/` before it where it closes.
    element: String,
    /// The attribute, lower case.
    attribute: String,
}

impl HtmlContext {
    /// Prints a text of the template; comments are left out.
    pub(crate) fn literal(&mut self, text: &str, out: &mut String) {
        let mut rest = text;
        while !rest.is_empty() {
            let length = match self.state {
                State::Text => {
                    rest = &rest[self.text(rest, out)..];
                    continue;
                }
                State::Comment => {
                    let end = rest.find("-->");
                    if end.is_some() {
                        self.state = State::Text;
                    }
                    rest = &rest[end.map_or(rest.len(), |end| end + 3)..];
                    continue;
                }
                State::Raw(raw) => self.raw(raw, rest),
                _ => self.inside_tag(rest),
            };
            out.push_str(&rest[..length]);
            rest = &rest[length..];
        }
    }

    /// Prints what the function `html` has escaped.
    pub(crate) fn escaped(&mut self, text: &str, out: &mut String) {
        match self.state {
            State::Text | State::Raw(Raw::Text(_)) | State::Value(Attribute::Plain, Delimiter::Quote(_)) => {
                out.push_str(text);
            }
            _ => self.value(&Value::string(text), out),
        }
    }

    /// Prints what the function `urlquery` has escaped.
    pub(crate) fn query_escaped(&mut self, text: &str, out: &mut String) {
        let value = match self.state {
            State::Value(Attribute::Url(_), _) => Value::Safe(Safe {
                place: SafePlace::Url,
                text: text.into(),
            }),
            _ => Value::string(text),
        };
        self.value(&value, out);
    }

    /// Prints a value, escaped.
    pub(crate) fn value(&mut self, value: &Value, out: &mut String) {
        if self.state == State::BeforeValue {
            self.state = State::Value(attribute_kind(&self.attribute), Delimiter::Space);
        }
        match self.state {
            State::Text => html(value, out),
            State::Comment => {}
            State::Tag | State::AttributeName | State::AfterName | State::BeforeValue => name(value, out),
            State::Raw(Raw::Text(_)) => rcdata(value, out),
            State::Raw(Raw::Script { quote }) => out.push_str(&javascript(value, quote.is_some())),
            State::Raw(Raw::Style) => out.push_str(&css(value)),
            State::Value(attribute, delimiter) => self.attribute_value(attribute, delimiter, value, out),
        }
    }

    fn attribute_value(&mut self, attribute: Attribute, delimiter: Delimiter, value: &Value, out: &mut String) {
        let text = match attribute {
            Attribute::Plain => value.clone(),
            Attribute::Url(part) => {
                if part == UrlPart::Start {
                    self.state = State::Value(Attribute::Url(UrlPart::Path), delimiter);
                }
                url(value, part).into()
            }
            Attribute::Css => css(value).into(),
            Attribute::Script => javascript(value, false).into(),
        };
        match delimiter {
            Delimiter::Quote(_) => escape::attribute(&text, out),
            Delimiter::Space => unquoted(&text, out),
        }
    }

    /// Prints text up to and with the next tag's name; gives the length taken.
    fn text(&mut self, rest: &str, out: &mut String) -> usize {
        let Some(start) = rest.find('<') else {
            out.push_str(rest);
            return rest.len();
        };
        out.push_str(&rest[..start]);
        let tag = &rest[start + 1..];
        if tag.starts_with("!--") {
            self.state = State::Comment;
            return start;
        }
        let slash = usize::from(tag.starts_with('/'));
        let length = tag[slash..]
            .find(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == ':'))
            .unwrap_or(tag.len() - slash);
        if !tag[slash..].starts_with(|c: char| c.is_ascii_alphabetic()) {
            let is_doctype = tag.get(..8).is_some_and(|word| word.eq_ignore_ascii_case("!DOCTYPE"));
            out.push_str(if is_doctype { "<" } else { "&lt;" });
            return start + 1;
        }
        self.element = tag[..slash + length].to_ascii_lowercase();
        self.state = State::Tag;
        let end = start + 1 + slash + length;
        out.push_str(&rest[start..end]);
        end
    }

    /// Takes the content of an element that is no HTML, up to its closing tag.
    fn raw(&mut self, raw: Raw, rest: &str) -> usize {
        let element = match raw {
            Raw::Text(element) => element,
            Raw::Script { .. } => "script",
            Raw::Style => "style",
        };
        let end = rest.to_ascii_lowercase().find(&format!("</{element}"));
        if let (Raw::Script { quote }, None) = (raw, end) {
            self.state = State::Raw(Raw::Script {
                quote: open_quote(rest, quote),
            });
        }
        if end.is_some() {
            self.state = State::Text;
        }
        // The closing tag is taken as text: a tag begins there.
        end.unwrap_or(rest.len())
    }

    /// Takes a piece of a tag.
    fn inside_tag(&mut self, rest: &str) -> usize {
        let first = rest.chars().next().unwrap_or(' ');
        let blanks = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_whitespace()).len();
        match self.state {
            State::Value(attribute, delimiter) => self.inside_value(attribute, delimiter, rest),
            _ if first == '>' => {
                self.state = self.after_tag();
                1
            }
            State::BeforeValue if matches!(first, '"' | '\'') => {
                self.state = State::Value(attribute_kind(&self.attribute), Delimiter::Quote(first));
                1
            }
            State::BeforeValue if blanks == 0 => {
                self.state = State::Value(attribute_kind(&self.attribute), Delimiter::Space);
                0
            }
            State::AfterName | State::AttributeName if first == '=' => {
                self.state = State::BeforeValue;
                1
            }
            State::Tag | State::AfterName if blanks == 0 && first != '/' => {
                self.attribute.clear();
                self.state = State::AttributeName;
                0
            }
            State::AttributeName if blanks == 0 && first != '/' => {
                let end = rest.find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '=' | '>'));
                let end = end.unwrap_or(rest.len());
                self.attribute.push_str(&rest[..end].to_ascii_lowercase());
                end
            }
            State::AttributeName => {
                self.state = State::AfterName;
                blanks.max(1)
            }
            _ => blanks.max(1),
        }
    }

    fn inside_value(&mut self, attribute: Attribute, delimiter: Delimiter, rest: &str) -> usize {
        let end = match delimiter {
            Delimiter::Quote(quote) => rest.find(quote),
            Delimiter::Space => rest.find(|c: char| c.is_ascii_whitespace() || c == '>'),
        };
        let inside = &rest[..end.unwrap_or(rest.len())];
        if end.is_some() {
            self.state = State::Tag;
            return inside.len() + usize::from(delimiter != Delimiter::Space);
        }
        if let Attribute::Url(part) = attribute {
            let part = match part {
                _ if inside.contains(['?', '#']) => UrlPart::Query,
                UrlPart::Start => UrlPart::Path,
                part => part,
            };
            self.state = State::Value(Attribute::Url(part), delimiter);
        }
        inside.len()
    }

    fn after_tag(&self) -> State {
        match self.element.as_str() {
            "title" => State::Raw(Raw::Text("title")),
            "textarea" => State::Raw(Raw::Text("textarea")),
            "script" => State::Raw(Raw::Script { quote: None }),
            "style" => State::Raw(Raw::Style),
            _ => State::Text,
        }
    }
}

/// The quote that is open after a piece of a script.
fn open_quote(script: &str, before: Option<char>) -> Option<char> {
    let mut quote = before;
    let mut is_escaped = false;
    for c in script.chars() {
        match quote {
            _ if is_escaped => is_escaped = false,
            Some(_) if c == '\\' => is_escaped = true,
            Some(open) if c == open => quote = None,
            None if matches!(c, '"' | '\'' | '`') => quote = Some(c),
            _ => {}
        }
    }
    quote
}

fn attribute_kind(name: &str) -> Attribute {
    let name = name.strip_prefix("data-").unwrap_or(name);
    let name = match name.split_once(':') {
        Some(("xmlns", _)) => "xmlns",
        Some((_, local)) => local,
        None => name,
    };
    if name == "style" {
        Attribute::Css
    } else if name.starts_with("on") {
        Attribute::Script
    } else if URL_ATTRIBUTES.contains(&name) || ["src", "uri", "url"].iter().any(|part| name.contains(part)) {
        Attribute::Url(UrlPart::Start)
    } else {
        Attribute::Plain
    }
}

/// A value as the name of an attribute: only letters, digits and dashes are let through.
fn name(value: &Value, out: &mut String) {
    let text = crate::format::text(value);
    let is_name = !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_name && attribute_kind(&text.to_ascii_lowercase()) == Attribute::Plain {
        out.push_str(&text);
    } else {
        out.push_str(escape::REFUSED);
    }
}

#[cfg(test)]
mod tests;
