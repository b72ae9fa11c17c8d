//! Names that have several addresses, each of which gets its share of the connections.

use std::net::SocketAddr;

use rand::seq::SliceRandom as _;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Asks the system and gives the addresses in random order: a connection goes to the first that answers.
#[derive(Debug)]
pub(crate) struct RoundRobin;

impl Resolve for RoundRobin {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            // The port comes from the URL.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses: Addrs = Box::new(shuffled(found.collect()).into_iter());
            Ok(addresses)
        })
    }
}

fn shuffled(mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    addresses.shuffle(&mut rand::rng());
    addresses
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_address_comes_first_at_times() {
        let all: Vec<SocketAddr> = (1..=3).map(|last| SocketAddr::from(([10, 0, 0, last], 0))).collect();
        let first = |address: &SocketAddr| (0..200).any(|_| shuffled(all.clone())[0] == *address);
        assert!(all.iter().all(first));
        let mut again = shuffled(all.clone());
        again.sort_unstable();
        assert_eq!(again, all);
    }
}
