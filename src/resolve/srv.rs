//! The order of SRV records: priority, then a draw by weight. RFC 2782 "Usage rules".

use crate::base::Rng;

/// One host of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) priority: u16,
    pub(super) weight: u16,
    pub(super) port: u16,
    /// Lower case, without a dot at its end.
    pub(super) host: String,
}

/// Draws up to `limit` servers in the order in which a client contacts them.
pub(super) fn order(mut servers: Vec<Server>, rng: &mut Rng, limit: usize) -> Vec<Server> {
    // Equal priorities stand together, weight 0 before the others (RFC 2782); names last, so that the order in which records came does
    // not matter.
    servers.sort_by(|a, b| (a.priority, a.weight, &a.host, a.port).cmp(&(b.priority, b.weight, &b.host, b.port)));
    servers.dedup();
    let mut out = Vec::new();
    while let Some(first) = servers.first() {
        if out.len() >= limit {
            break;
        }
        let priority = first.priority;
        let group = servers.iter().take_while(|server| server.priority == priority);
        let sum = group.clone().fold(0u32, |sum, server| sum.saturating_add(u32::from(server.weight)));
        let chosen = rng.below(sum.saturating_add(1));
        let mut running = 0u32;
        let at = group
            .clone()
            .position(|server| {
                running = running.saturating_add(u32::from(server.weight));
                running >= chosen
            })
            .unwrap_or(0);
        out.push(servers.remove(at));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(priority: u16, weight: u16, host: &str) -> Server {
        Server { priority, weight, port: 5060, host: host.into() }
    }

    #[test]
    fn priorities_come_in_order_whatever_the_weights() {
        let mut rng = Rng::new([3; 32]);
        for _ in 0..200 {
            let all = vec![server(20, 65_535, "c"), server(10, 1, "a"), server(10, 0, "b"), server(30, 0, "d")];
            let order = order(all, &mut rng, 16);
            assert!(order.is_sorted_by_key(|s| s.priority), "{order:?}");
            assert_eq!(order.len(), 4);
        }
    }

    #[test]
    fn weights_share_the_load() {
        let mut rng = Rng::new([4; 32]);
        let mut first = [0u32; 3];
        for _ in 0..10_000 {
            let all = vec![server(1, 60, "a"), server(1, 30, "b"), server(1, 10, "c")];
            let order = order(all, &mut rng, 16);
            first[match order[0].host.as_str() {
                "a" => 0,
                "b" => 1,
                _ => 2,
            }] += 1;
        }
        // 60, 30 and 10 per cent; five standard deviations of the widest are 2.5 per cent.
        for (count, share) in first.iter().zip([6000, 3000, 1000]) {
            assert!(count.abs_diff(share) < 250, "{first:?}");
        }
    }

    #[test]
    fn weight_0_has_a_very_small_chance_and_alone_an_even_one() {
        let mut rng = Rng::new([5; 32]);
        let mut of = |weights: [u16; 2]| {
            (0..10_000)
                .filter(|_| {
                    let all = vec![server(1, weights[0], "a"), server(1, weights[1], "b")];
                    order(all, &mut rng, 1)[0].host == "a"
                })
                .count()
        };
        let rare = of([0, 1000]);
        assert!((1..60).contains(&rare), "{rare}");
        // RFC 2782 lets two servers of weight 0 stand in any order; ours is that of their names.
        assert_eq!(of([0, 0]), 10_000);
    }

    #[test]
    fn the_same_seed_draws_the_same_order_however_the_records_came() {
        let mut all: Vec<Server> = (0..40).map(|n| server(n % 3, n, &format!("h{n}"))).collect();
        let one = order(all.clone(), &mut Rng::new([6; 32]), 16);
        all.reverse();
        all.extend(all.clone());
        assert_eq!(order(all.clone(), &mut Rng::new([6; 32]), 16), one);
        assert_eq!(one.len(), 16);
        assert_ne!(order(all, &mut Rng::new([7; 32]), 16), one);
    }
}
