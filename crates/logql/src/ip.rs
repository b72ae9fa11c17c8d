//! `ip()` filters: a single address, a range or a network, searched for in any text.

use std::net::IpAddr;

/// Addresses that an `ip()` filter accepts.
///
/// From the first to the last, both included; one address is a range of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IpFilter {
    first: IpAddr,
    last: IpAddr,
}

impl IpFilter {
    /// Reads `10.0.0.1`, `10.0.0.1-10.0.0.9` or `10.0.0.0/8`.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        Self::read(pattern).ok_or_else(|| format!("ip: invalid pattern: {pattern:?}"))
    }

    fn read(pattern: &str) -> Option<Self> {
        if let Some((address, bits)) = pattern.split_once('/') {
            return network(address.parse().ok()?, bits.parse().ok()?);
        }
        let (first, last) = pattern.split_once('-').unwrap_or((pattern, pattern));
        let (first, last): (IpAddr, IpAddr) = (first.parse().ok()?, last.parse().ok()?);
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self { first, last })
    }

    fn contains(self, address: IpAddr) -> bool {
        self.first.is_ipv4() == address.is_ipv4() && self.first <= address && address <= self.last
    }

    /// Whether any address in the text is accepted.
    pub(crate) fn matches(self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let mut at = 0;
        while at < bytes.len() {
            let Some(is_part) = address_starts(&bytes[at..]) else {
                at += 1;
                continue;
            };
            let length = bytes[at..].iter().take_while(|b| is_part(b)).count();
            if text[at..at + length]
                .parse()
                .is_ok_and(|address| self.contains(address))
            {
                return true;
            }
            at += length + 1;
        }
        false
    }
}

fn network(address: IpAddr, bits: u32) -> Option<IpFilter> {
    let (first, last) = match address {
        IpAddr::V4(address) => {
            let host = host_mask(bits, 32)? as u32;
            let first = u32::from(address) & !host;
            (IpAddr::V4(first.into()), IpAddr::V4((first | host).into()))
        }
        IpAddr::V6(address) => {
            let host = host_mask(bits, 128)?;
            let first = u128::from(address) & !host;
            (IpAddr::V6(first.into()), IpAddr::V6((first | host).into()))
        }
    };
    Some(IpFilter { first, last })
}

/// The bits of the host part of a network with a prefix of `bits` out of `width`.
fn host_mask(bits: u32, width: u32) -> Option<u128> {
    let host_bits = width.checked_sub(bits)?;
    Some(if host_bits == 0 {
        0
    } else {
        u128::MAX >> (128 - host_bits)
    })
}

type IsPart = fn(&u8) -> bool;

/// The characters of the address that may start here, if one may.
fn address_starts(rest: &[u8]) -> Option<IsPart> {
    let at = |i: usize| rest.get(i).copied().unwrap_or(b' ');
    if rest.len() > 3 && at(0).is_ascii_digit() && (1..4).any(|i| at(i) == b'.') {
        return Some(|b| b.is_ascii_digit() || *b == b'.');
    }
    let doubled = rest.starts_with(b"::") && (rest.len() == 2 || at(2).is_ascii_hexdigit());
    let grouped = (1..5).any(|i| at(i) == b':' && (0..i).all(|j| at(j).is_ascii_hexdigit()));
    if doubled || grouped {
        return Some(|b| b.is_ascii_hexdigit() || matches!(b, b':' | b'.'));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_addresses_in_text() {
        let filter = IpFilter::new("192.168.4.5/16").expect("valid");
        assert!(filter.matches("vpn 192.168.0.1 up") && !filter.matches("vpn 192.172.6.1"));
        assert!(IpFilter::new("::1").expect("valid").matches("vpn ::1 connected"));
        let range = IpFilter::new("10.0.0.1-10.0.0.9").expect("valid");
        assert!(range.matches("a=10.0.0.9,b") && !range.matches("10.0.0.10"));
        assert!(IpFilter::new("0.0.0.0/0").expect("valid").matches("1.2.3.4"));
    }

    #[test]
    fn refuses_what_is_no_address() {
        for pattern in [
            "",
            "bogus",
            "10.0.0.1 - 10.0.0.2",
            "10.0.0.0/33",
            "10.0.0.9-10.0.0.1",
            "::1-10.0.0.1",
        ] {
            assert!(IpFilter::new(pattern).is_err(), "{pattern}");
        }
    }
}
