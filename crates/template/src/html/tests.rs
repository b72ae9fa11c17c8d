//! Values in each place of HTML; the expected texts are what Go's `html/template` prints.

use std::collections::BTreeMap;

use crate::value::{Safe, SafePlace};
use crate::{Functions, Limits, Template, Value};

struct Safely;

impl Functions for Safely {
    fn contains(&self, name: &str) -> bool {
        matches!(name, "safeHtml" | "safeUrl")
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Result<Value, String> {
        let place = match name {
            "safeHtml" => SafePlace::Html,
            _ => SafePlace::Url,
        };
        let text = arguments.first().and_then(Value::as_str).unwrap_or_default();
        Ok(Value::Safe(Safe {
            place,
            text: text.into(),
        }))
    }
}

#[track_caller]
fn check(template: &str, expect: &str) {
    let data = Value::map(BTreeMap::from([
        ("T".to_owned(), "<b>\"a\" & 'b'</b>+1".into()),
        ("U".to_owned(), "http://x.org/a b?q=1&r=2".into()),
        ("J".to_owned(), "javascript:alert(1)".into()),
        ("N".to_owned(), Value::Int(7)),
    ]));
    let template = Template::parse("t", template, &Safely).expect("the template parses");
    let out = template.execute_html(&data, &Safely, &Limits::default());
    assert_eq!(out.as_deref(), Ok(expect));
}

#[test]
fn between_tags() {
    check(
        "<p>{{ .T }}</p>",
        "<p>&lt;b&gt;&#34;a&#34; &amp; &#39;b&#39;&lt;/b&gt;&#43;1</p>",
    );
    check("<p>{{ .T | safeHtml }}</p>", "<p><b>\"a\" & 'b'</b>+1</p>");
    check("<p>{{ .Missing }}{{ .N }}</p>", "<p>7</p>");
    check("<!DOCTYPE html>1 < 2 {{ .N }}", "<!DOCTYPE html>1 &lt; 2 7");
    check("{{ \"<\" | html }}", "&lt;");
    check(
        "<title>{{ .T }}</title><i>{{ \"<\" }}</i>",
        "<title>&lt;b&gt;&#34;a&#34; &amp; &#39;b&#39;&lt;/b&gt;&#43;1</title><i>&lt;</i>",
    );
}

#[test]
fn comments_are_left_out() {
    check("a<!-- {{ .T }} -->b", "ab");
}

#[test]
fn in_attributes() {
    check(
        "<p class=\"{{ .T }}\">",
        "<p class=\"&lt;b&gt;&#34;a&#34; &amp; &#39;b&#39;&lt;/b&gt;&#43;1\">",
    );
    check("<p class={{ \"a b\" }}>x{{ \"<\" }}", "<p class=a&#32;b>x&lt;");
    check("<p class='x' {{ \"id\" }}={{ .N }}>", "<p class='x' id=7>");
    check("<p {{ \"onclick\" }}={{ .N }}>", "<p ZgotmplZ=7>");
}

#[test]
fn in_urls() {
    check("<a href=\"{{ .U }}\">", "<a href=\"http://x.org/a%20b?q=1&amp;r=2\">");
    check(
        "<a href=\"/?x={{ .U }}\">",
        "<a href=\"/?x=http%3a%2f%2fx.org%2fa%20b%3fq%3d1%26r%3d2\">",
    );
    check(
        "<a href=\"/?x={{ .J | urlquery }}\">",
        "<a href=\"/?x=javascript%3Aalert%281%29\">",
    );
    check("<a href=\"{{ .J }}\">", "<a href=\"#ZgotmplZ\">");
    check(
        "<a href=\"{{ .J | safeUrl }}\">",
        "<a href=\"javascript:alert%281%29\">",
    );
    check(
        "<a href=\"{{ .U }}#/{{ .T }}\">",
        "<a href=\"http://x.org/a%20b?q=1&amp;r=2#/%3cb%3e%22a%22%20%26%20%27b%27%3c%2fb%3e%2b1\">",
    );
}

#[test]
fn in_styles_and_scripts() {
    check("<p style=\"color: {{ \"red\" }}\">", "<p style=\"color: red\">");
    check(
        "<p style=\"color: {{ \"expression(1)\" }}\">",
        "<p style=\"color: ZgotmplZ\">",
    );
    check(
        "<script>x = {{ .T }};</script>{{ \"<\" }}",
        "<script>x = \"\\u003cb\\u003e\\\"a\\\" \\u0026 'b'\\u003c/b\\u003e+1\";</script>&lt;",
    );
    check(
        "<script>x = '{{ \"a'b\" }}', y = {{ .N }}</script>",
        "<script>x = 'a\\u0027b', y =  7 </script>",
    );
}
