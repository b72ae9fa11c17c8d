//! The routing tree: inheritance, keys, text.

use skopos_core::Labels;

use super::RouteTree;
use crate::config::{Config, GroupBy, LoadOptions};

const CONFIG: &str = r#"
route:
  receiver: d
  group_by: [b, a]
  group_wait: 0s
  labels: {team: x, tier: "1"}
  routes:
  - match_re: {test: "^[12]$"}
    match: {zone: eu}
    matchers: ['a="1", c!~"d"']
    receiver: t
    continue: true
    repeat_interval: 1d
    mute_time_intervals: [night]
    labels: {tier: "2"}
    routes:
    - matchers: [x=~".+"]
      group_by: ['...']
      routes:
      - matchers: [y="1"]
    - group_by: []
  - matchers: [x="y"]
time_intervals:
- name: night
receivers:
- name: d
- name: t
"#;

fn tree() -> RouteTree {
    RouteTree::new(&Config::parse(CONFIG, &LoadOptions::default()).expect("a configuration"))
}

#[test]
fn routes_inherit_all_but_matchers_and_intervals() {
    let tree = tree();
    let routes = tree.routes();
    let root = tree.root();
    assert_eq!(
        (root.group_wait_ms, root.group_interval_ms, root.repeat_interval_ms),
        (0, 300_000, 14_400_000)
    );
    assert_eq!(root.group_by, GroupBy::Labels(vec!["a".to_owned(), "b".to_owned()]));
    let child = &routes[1];
    assert_eq!((child.receiver.as_str(), child.repeat_interval_ms), ("t", 86_400_000));
    assert_eq!(child.group_by, root.group_by);
    assert_eq!(child.mute_time_intervals, ["night"]);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    assert_eq!(child.labels, [pair("team", "x"), pair("tier", "2")]);
    let grandchild = &routes[2];
    assert_eq!(
        (grandchild.receiver.as_str(), grandchild.group_by.clone()),
        ("t", GroupBy::All)
    );
    assert!(grandchild.mute_time_intervals.is_empty() && !grandchild.continue_matching);
    assert_eq!(routes[3].group_by, GroupBy::All);
    assert_eq!(routes[4].group_by, GroupBy::Labels(Vec::new()));
    assert_eq!(routes[5].receiver, "d");
}

#[test]
fn keys_hold_the_matchers_from_the_root() {
    let tree = tree();
    let child = &tree.routes()[1];
    assert_eq!(child.key, "{}/{a=\"1\",c!~\"d\",test=~\"^(?:^[12]$)$\",zone=\"eu\"}");
    let labels = Labels::from_pairs([("a", "1"), ("b", "say \"hi\"\n"), ("c", "x")]);
    let group_labels = child.group_labels(&labels);
    assert_eq!(
        child.group_key(&group_labels),
        format!("{}:{{a=\"1\", b=\"say \\\"hi\\\"\\n\"}}", child.key)
    );
    assert_eq!(tree.root().group_key(&Labels::empty()), "{}:{}");
    assert_eq!(tree.routes()[5].unique_key, "{}/{x=\"y\"}/1");
    assert_eq!(tree.routes()[3].group_labels(&labels), labels);
}

#[test]
fn the_walk_is_depth_first_and_continues_where_told() {
    let tree = tree();
    let reached = |pairs: &[(&str, &str)]| -> Vec<usize> {
        let labels = Labels::from_pairs(pairs.iter().copied());
        tree.matches(&labels).into_iter().map(super::RouteId::index).collect()
    };
    assert_eq!(reached(&[]), [0]);
    assert_eq!(reached(&[("x", "y")]), [5]);
    let eu = [("test", "2"), ("zone", "eu"), ("a", "1")];
    assert_eq!(reached(&eu), [4]);
    assert_eq!(reached(&[eu[0], eu[1], eu[2], ("x", "y")]), [2, 5]);
    assert_eq!(reached(&[eu[0], eu[1], eu[2], ("x", "z"), ("y", "1")]), [3]);
}

#[test]
fn the_text_is_amtool_s() {
    let text = "\
.
└── default-route  receiver: d  grouping: [a,b]
    ├── {a=\"1\",c!~\"d\",test=~\"^(?:^[12]$)$\",zone=\"eu\"}  continue: true  receiver: t  grouping: [a,b]
    │\u{a0}\u{a0} ├── {x=~\".+\"}  receiver: t  grouping: [...]
    │\u{a0}\u{a0} │\u{a0}\u{a0} └── {y=\"1\"}  receiver: t  grouping: [...]
    │\u{a0}\u{a0} └── default-route  receiver: t
    └── {x=\"y\"}  receiver: d  grouping: [a,b]
";
    assert_eq!(tree().to_string(), text);
}
