//! The interface goes away under the server, and comes back.

use std::time::Duration;

use super::{CLUSTER, Crowd, behind_relay, lab_is_served};
use crate::support::server::Served;

#[test]
fn an_interface_that_goes_and_comes_back_is_served_again_without_hands() {
    let (segment, relay) = behind_relay();
    let served = Served::start(&segment, CLUSTER);
    lab_is_served(&served);
    let crowd = Crowd::begin(&relay);
    crowd.until_more(60, Duration::from_secs(30));
    for _ in 0..2 {
        // Bridge and address go altogether; the port of the station stays.
        segment.ip("link del br0");
        served.until("the network is not served", || {
            let status = served.json(&["status"]);
            let mut networks = status["networks"].as_array().unwrap().iter();
            networks.all(|network| network["serving"]["state"] != "served")
        });
        segment.ip("link add br0 type bridge stp_state 0 forward_delay 0");
        segment.ip("addr add 10.77.0.1/24 dev br0");
        segment.ip("link set br0 up");
        segment.ip("link set p0 master br0");
        segment.ip("route add 10.88.0.0/16 via 10.77.0.254");
        lab_is_served(&served);
        crowd.until_more(60, Duration::from_secs(30));
    }
    crowd.end().is_without_doubles();
}
