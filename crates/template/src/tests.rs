//! The language as a whole: what templates print, and what they say when they fail.

use super::*;

fn data() -> Value {
    let labels = Value::string_map([("instance", "a:9090"), ("job", "api")]);
    Value::map(BTreeMap::from([
        ("Labels".to_owned(), labels),
        ("Value".to_owned(), Value::Float(1.5)),
        ("Count".to_owned(), Value::Int(3)),
        ("Empty".to_owned(), Value::list(Vec::new())),
        (
            "Items".to_owned(),
            Value::list(vec!["x".into(), "y".into(), "z".into()]),
        ),
        (
            "At".to_owned(),
            Value::Time(TimeValue::utc(1_433_861_539_123_000_000_i64)),
        ),
        ("Took".to_owned(), Value::Duration(3_725_500_000_000)),
    ]))
}

fn run(text: &str) -> String {
    let template = match Template::parse("t", text, &NoFunctions) {
        Ok(template) => template,
        Err(error) => return error.to_string(),
    };
    match template.execute(&data(), &NoFunctions, &Limits::default()) {
        Ok(out) => out,
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn check(text: &str, expect: &str) {
    assert_eq!(run(text), expect, "{text}");
}

#[test]
fn text_and_trimming() {
    check("plain", "plain");
    check("a {{- 1 -}} b", "a1b");
    check("a {{/* note */}} b", "a  b");
    check("a {{- /* note */ -}} b", "ab");
    check("{{ `raw \\n` }}|{{ \"a\\tb\\u00e9\" }}|{{ 'a' }}", "raw \\n|a\tbé|97");
    check("{{\"}}\"}}", "}}");
}

#[test]
fn fields_variables_pipelines() {
    check(
        "{{ .Labels.instance }} {{ .Labels.nope }}|{{ .Nope }}",
        "a:9090 |<no value>",
    );
    check("{{ $x := .Labels }}{{ $x.job }}{{ $x = 2 }}{{ $x }}", "api2");
    check("{{ .Value | printf \"%.2f\" }}", "1.50");
    check("{{ (index .Items 1) | printf \"%s%s\" \"<\" }}", "<y");
    check(
        "{{ $.Labels.job }}{{ with .Labels }}{{ .job }}{{ $.Count }}{{ end }}",
        "apiapi3",
    );
    check("{{ len .Items }}{{ len \"abc\" }}{{ slice \"abcdef\" 1 3 }}", "33bc");
    check("{{ index .Labels \"job\" }}", "api");
}

#[test]
fn control() {
    check("{{ if .Empty }}a{{ else if .Count }}b{{ else }}c{{ end }}", "b");
    check(
        "{{ with .Empty }}a{{ else with .Items }}{{ len . }}{{ else }}c{{ end }}",
        "3",
    );
    check("{{ range $i, $e := .Items }}{{ $i }}{{ $e }} {{ end }}", "0x 1y 2z ");
    check(
        "{{ range $k, $v := .Labels }}{{ $k }}={{ $v }};{{ end }}",
        "instance=a:9090;job=api;",
    );
    check("{{ range .Empty }}x{{ else }}none{{ end }}", "none");
    check(
        "{{ range .Items }}{{ if eq . \"y\" }}{{ continue }}{{ end }}{{ . }}{{ if eq . \"z\" }}{{ break }}{{ end }}{{ end }}",
        "xz",
    );
    check("{{ range 3 }}{{ . }}{{ end }}", "012");
    check("{{ define \"a\" }}<{{ . }}>{{ end }}{{ template \"a\" .Count }}", "<3>");
    check("{{ block \"b\" .Count }}[{{ . }}]{{ end }}", "[3]");
}

#[test]
fn comparison_and_logic() {
    check(
        "{{ eq 1 2 1 }} {{ ne 1 2 }} {{ lt 1 2 }} {{ ge \"b\" \"a\" }}",
        "true true true true",
    );
    check("{{ and 1 0 }} {{ or 0 \"\" \"x\" }} {{ not 0 }}", "0 x true");
    check("{{ and .Empty (index .Empty 5) }}", "[]");
    check("{{ gt .Value 1.0 }}", "true");
    check(
        "{{ gt .Value 1 }}",
        "template: t:1:3: executing \"t\" at <gt .Value 1>: error calling gt: incompatible types for comparison",
    );
}

#[test]
fn numbers_print_as_in_go() {
    check(
        "{{ 1e6 }} {{ 1e21 }} {{ 0.00001 }} {{ 0x1f }} {{ -3 }} {{ 1_000 }}",
        "1e+06 1e+21 1e-05 31 -3 1000",
    );
    check(
        "{{ printf \"%d|%5d|%-5d|%05d|%x\" 7 7 7 7 255 }}",
        "7|    7|7    |00007|ff",
    );
    check(
        "{{ printf \"%.4g %g %e %6.2f %+d\" 1234567.0 0.1 1.0 3.14159 5 }}",
        "1.235e+06 0.1 1.000000e+00   3.14 +5",
    );
    check(
        "{{ printf \"%s %v %q %t %T\" \"a\" 1.0 \"b\" true 1 }}",
        "a 1 \"b\" true int",
    );
    check(
        "{{ printf \"%d\" 1.5 }}{{ printf \"%s\" }}{{ printf \"x\" 1 }}",
        "%!d(float64=1.5)%!s(MISSING)x%!(EXTRA int=1)",
    );
    check("{{ print 1 2 \"a\" 3 }}|{{ println 1 \"a\" }}", "1 2a3|1 a\n");
}

#[test]
fn escapes() {
    check("{{ html \"<a b='c'>\" }}", "&lt;a b=&#39;c&#39;&gt;");
    check("{{ urlquery \"a b&c\" }}", "a+b%26c");
    check("{{ js \"'<\" }}", "\\'\\u003C");
}

#[test]
fn times() {
    check("{{ .At }}", "2015-06-09 14:52:19.123 +0000 UTC");
    check(
        "{{ .At.Format \"Mon, 02 Jan 2006 15:04:05.000 Z07:00\" }}",
        "Tue, 09 Jun 2015 14:52:19.123 Z",
    );
    check("{{ .At.Unix }} {{ .At.Year }}", "1433861539 2015");
    check("{{ .Took }} {{ .Took.Minutes }}", "1h2m5.5s 62.09166666666667");
}

#[test]
fn errors_say_where() {
    check("\n{{ $label.foo }}", "template: t:2: undefined variable \"$label\"");
    check("{{ nope 1 }}", "template: t:1: function \"nope\" not defined");
    check("{{ $.a * 100 }}", "template: t:1: unexpected \"*\" in operand");
    check("{{ if 1 }}", "template: t:1: unexpected EOF");
    check("{{ end }}", "template: t:1: unexpected {{end}}");
    check("{{ 1", "template: t:1: unclosed action");
    check("{{ \"a }}", "template: t:1: unterminated quoted string");
    check("{{ }}", "template: t:1: missing value for command");
    check("{{ break }}", "template: t:1: {{break}} outside {{range}}");
    check(
        "{{ .Count.x }}",
        "template: t:1:3: executing \"t\" at <.Count.x>: can't evaluate field x in type int",
    );
    check(
        "{{ template \"z\" }}",
        "template: t:1:12: executing \"t\" at <{{template \"z\"}}>: template \"z\" not defined",
    );
}

#[test]
fn everything_is_bounded() {
    assert!(
        run("{{ define \"a\" }}{{ template \"a\" }}{{ end }}{{ template \"a\" }}").contains("maximum template depth")
    );
    assert!(run("{{ range 1000000 }}x{{ end }}").contains("turns of loops"));
    assert!(run(&"{{ if 1 }}".repeat(1000)).contains("levels deep"));
    assert!(run(&format!("{{{{ {}1{} }}}}", "(".repeat(1000), ")".repeat(1000))).contains("levels deep"));
}

/// A map with a method, as Alertmanager's labels are.
#[derive(Debug)]
struct Named;

impl Object for Named {
    fn type_name(&self) -> &'static str {
        "template.KV"
    }

    fn member(&self, name: &str, arguments: &[Value]) -> Option<Result<Value, String>> {
        match (name, arguments) {
            ("Names", []) => Some(Ok(Value::list(vec!["a".into()]))),
            _ => None,
        }
    }

    fn text(&self) -> String {
        "a=1".to_owned()
    }

    fn entries(&self) -> Option<Arc<Map>> {
        Some(Arc::new(Map {
            entries: BTreeMap::from([("a".to_owned(), "1".into())]),
            missing: "".into(),
        }))
    }
}

#[test]
fn maps_with_methods() {
    let run = |text: &str| {
        let template = Template::parse("t", text, &NoFunctions).expect("the template parses");
        let data = Value::Object(Arc::new(Named));
        match template.execute(&data, &NoFunctions, &Limits::default()) {
            Ok(out) => out,
            Err(error) => error.to_string(),
        }
    };
    assert_eq!(
        run("{{ .a }}{{ .b }}{{ index . \"a\" }}{{ len . }}{{ .Names }}"),
        "111[a]"
    );
    assert_eq!(
        run("{{ range $k, $v := . }}{{ $k }}={{ $v }}{{ end }} {{ . }}"),
        "a=1 a=1"
    );
    assert!(run("{{ .a 1 }}").ends_with("at <.a>: a is not a method but has arguments"));
}

#[test]
fn the_running_template_is_named() {
    check(
        "{{ define \"inner\" }}\n{{ .Labels.a.b }}{{ end }}{{ template \"inner\" . }}",
        "template: t:2:3: executing \"inner\" at <.Labels.a.b>: can't evaluate field b in type string",
    );
}

#[test]
fn zero_time() {
    let zero = TimeValue::utc(TimeValue::ZERO_NANOSECONDS);
    assert_eq!(zero.to_string(), "0001-01-01 00:00:00 +0000 UTC");
    assert_eq!(zero.format("2006-01-02T15:04:05Z07:00"), "0001-01-01T00:00:00Z");
    assert_eq!(TimeValue::utc(0).since(&zero), i64::MAX);
}
