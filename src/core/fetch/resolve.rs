//! Names into addresses, without those that may not be spoken to.
//!
//! What is connected to is what was judged: a name that answers differently the next time changes nothing.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use super::guard::AddressGuard;

/// The resolver of the system behind a guard.
#[derive(Debug)]
pub(super) struct GuardedResolver {
    pub(super) guard: Arc<AddressGuard>,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = Arc::clone(&self.guard);
        Box::pin(async move {
            // The client puts the port of the URL in place of 0.
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let permitted = permitted(&guard, found)?;
            Ok(Box::new(permitted.into_iter()) as Addrs)
        })
    }
}

/// Those that pass; if none of several does, the first is named.
fn permitted(
    guard: &AddressGuard,
    found: impl Iterator<Item = SocketAddr>,
) -> Result<Vec<SocketAddr>, RefusedAddress> {
    let (permitted, refused): (Vec<_>, Vec<_>) =
        found.partition(|address| guard.permits(address.ip()));
    match refused.first() {
        Some(refused) if permitted.is_empty() => Err(RefusedAddress {
            address: refused.ip(),
        }),
        _ => Ok(permitted),
    }
}

/// How a refusal comes back through the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} may not be spoken to")]
pub(super) struct RefusedAddress {
    pub(super) address: IpAddr,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        let ips = texts.iter().map(|text| text.parse::<IpAddr>().unwrap());
        ips.map(|ip| (ip, 0).into()).collect()
    }

    #[test]
    fn only_addresses_that_pass_are_connected_to() {
        let guard = AddressGuard::default();
        let found = addresses(&["10.0.0.1", "8.8.8.8", "::1", "2606:4700::1"]);
        assert_eq!(
            permitted(&guard, found.into_iter()),
            Ok(addresses(&["8.8.8.8", "2606:4700::1"]))
        );
        let found = addresses(&["169.254.169.254", "::1"]);
        assert_eq!(
            permitted(&guard, found.into_iter()),
            Err(RefusedAddress {
                address: [169, 254, 169, 254].into()
            })
        );
    }
}
