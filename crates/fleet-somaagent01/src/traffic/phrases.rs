//! What users say: phrases by purpose, with numbers and texts filled in from the seed.

use rand::Rng;
use rand::seq::IndexedRandom;

const GREETINGS: [&str; 6] = [
    "hello",
    "good morning",
    "hi there, good morning",
    "good evening to you all",
    "hey, are you there?",
    "hello again",
];
const SMALLTALK: [&str; 5] = [
    "thank you, that was very helpful",
    "thanks a lot",
    "that was kind of you",
    "have a nice weekend, and thanks",
    "great, i am glad that it works",
];
const QUESTIONS: [&str; 9] = [
    "why does the pile of baskets grow in the morning?",
    "how does the keeper know the height of the water?",
    "what happens when the fog comes to the harbour?",
    "why should a bell be tested every week?",
    "who decides in an emergency?",
    "explain why the average guest is not interesting",
    "how do i find out which boat it was?",
    "when does a basket go to the shelf?",
    "what does the promise on the door of the market mean?",
];
const SEARCHES: [&str; 6] = [
    "search the documents for severity one",
    "find in the handbook: dead letter topic",
    "look up hotels in the handbook",
    "search our documents for consumer lag",
    "which document speaks of token budgets?",
    "find the document about labels",
];
const TEXTS: [&str; 4] = [
    "The boat came back at noon. Nobody had seen it leave, and nobody asked.",
    "We count what we can and write down what we count. The rest is weather.",
    "It rained. It rained harder. Then the sun came out and the street was dry again within the hour.",
    "A red lamp burns on the bridge when one engine stands still, even though the passengers feel nothing.",
];

/// A message that a healthy system answers.
pub(super) fn ordinary(random: &mut impl Rng) -> String {
    match random.random_range(0..100) {
        0..14 => pick(&GREETINGS, random),
        14..26 => pick(&SMALLTALK, random),
        26..58 => pick(&QUESTIONS, random),
        58..72 => calculation(random),
        72..80 => format!("count the words of this text: {}", pick(&TEXTS, random)),
        80..89 => pick(&SEARCHES, random),
        89..95 => format!(
            "compress this text: {}",
            pick(&TEXTS, random).repeat(random.random_range(1..8))
        ),
        _ => hash(random.random_range(10..120), random.random_range(2..24), random),
    }
}

fn calculation(random: &mut impl Rng) -> String {
    let (a, b, c) = (
        random.random_range(2..500),
        random.random_range(2..90),
        random.random_range(1..40),
    );
    match random.random_range(0..3) {
        0 => format!("what is {a} * ({b} + {c})?"),
        1 => format!("please calculate {a} / {b} - {c}"),
        _ => format!("how much is {a} + {b} * {c}?"),
    }
}

/// A message whose tool call fails, each for a reason of its own.
pub(super) fn failing(random: &mut impl Rng) -> String {
    match random.random_range(0..10) {
        0..4 => {
            let (a, b) = (random.random_range(2..500), random.random_range(2..90));
            format!("what is {a} / ({b} - {b})?")
        }
        4..6 => hash(1, 2048, random),
        6..8 => hash(2_000_000, 8, random),
        _ => format!("use the tool translate: {}", pick(&TEXTS, random)),
    }
}

fn hash(rounds: u32, memory_mib: u32, random: &mut impl Rng) -> String {
    format!(
        "hash with {rounds} rounds and {memory_mib} MiB: {}",
        pick(&TEXTS, random)
    )
}

fn pick(from: &[&str], random: &mut impl Rng) -> String {
    from.choose(random).copied().unwrap_or_default().to_owned()
}
