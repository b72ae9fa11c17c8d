use skopos_prove::{ProveOptions, Prover};
#[test]
fn one() {
    let Ok(expr) = std::env::var("EXPR") else { return };
    let text = serde_json::json!({"groups":[{"name":"g","rules":[{"alert":"A","expr":expr,"for":std::env::var("FOR").unwrap_or("5m".into())}]}]}).to_string();
    let file = skopos_rules::parse_rule_file(&text, "f").unwrap();
    let prover = Prover::new(&[file], ProveOptions::default());
    let t = std::time::Instant::now();
    let r = prover.prove_rule(0).unwrap();
    println!("{:?}", t.elapsed());
    println!("{}", serde_json::to_string_pretty(&r).unwrap());
}
