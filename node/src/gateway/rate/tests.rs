use super::*;

const RATE: NonZeroU32 = NonZeroU32::new(10).unwrap();

fn address(last: u8) -> IpAddr {
    IpAddr::from([10, 0, 0, last])
}

/// How many requests are taken at once.
fn taken(rates: &mut Rates, now: Instant, address: IpAddr) -> usize {
    std::iter::from_fn(|| rates.take(now, address).ok()).take(1_000).count()
}

#[test]
fn what_was_saved_up_is_limited_and_comes_back_with_time() {
    let (mut rates, now) = (Rates::new(RATE), Instant::now());
    assert_eq!(taken(&mut rates, now, address(1)), 20);
    assert_eq!(rates.take(now, address(1)), Err(Duration::from_millis(100)));
    assert_eq!(taken(&mut rates, now + Duration::from_secs(1), address(1)), 10);
    assert_eq!(taken(&mut rates, now + Duration::from_secs(1_000), address(1)), 20);
}

#[test]
fn addresses_do_not_pay_for_each_other() {
    let (mut rates, now) = (Rates::new(RATE), Instant::now());
    assert_eq!(taken(&mut rates, now, address(1)), 20);
    assert_eq!(taken(&mut rates, now, address(2)), 20);
}

#[test]
fn a_network_of_ipv6_is_one_address_and_mapped_ipv4_is_ipv4() {
    let (mut rates, now) = (Rates::new(RATE), Instant::now());
    assert_eq!(taken(&mut rates, now, "2001:db8::1".parse().unwrap()), 20);
    assert_eq!(taken(&mut rates, now, "2001:db8::2".parse().unwrap()), 0);
    assert_eq!(taken(&mut rates, now, "2001:db8:0:1::1".parse().unwrap()), 20);
    assert_eq!(taken(&mut rates, now, address(1)), 20);
    assert_eq!(taken(&mut rates, now, "::ffff:10.0.0.1".parse().unwrap()), 0);
}

#[test]
fn more_addresses_than_there_is_room_for_share_a_bucket_until_others_are_idle() {
    let (mut rates, now) = (Rates::new(RATE), Instant::now());
    for index in 0..ADDRESSES_MAX {
        let index = u32::try_from(index).unwrap();
        rates.take(now, IpAddr::V4((0x0b00_0000 + index).into())).unwrap();
    }
    assert_eq!(taken(&mut rates, now, address(1)), 20);
    assert_eq!(taken(&mut rates, now, address(2)), 0);
    assert_eq!(rates.full_at.len(), ADDRESSES_MAX);
    let later = now + Duration::from_secs(1);
    assert_eq!(taken(&mut rates, later, address(2)), 20);
    assert!(rates.full_at.len() < ADDRESSES_MAX);
}

#[test]
fn a_rate_of_one_takes_one() {
    let (mut rates, now) = (Rates::new(NonZeroU32::MIN), Instant::now());
    assert_eq!(taken(&mut rates, now, address(1)), 2);
    assert!(rates.take(now, address(1)).is_err());
}
