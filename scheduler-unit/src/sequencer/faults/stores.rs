//! Stores that do not do what the one of the other tests does: one that lies, one that was taken
//! over, and one in another engine.

use super::*;

/// A log that acknowledges a batch and writes it with the next one.
#[derive(Debug)]
struct Hasty {
    log: Arc<dyn LogStore>,
    waiting: Mutex<Option<(u64, Vec<u8>)>>,
}

impl LogStore for Hasty {
    fn append(&self, number: u64, segment: &[u8]) -> Result<(), StoreError> {
        let waiting = self.waiting.lock().unwrap().replace((number, segment.to_vec()));
        waiting.map_or(Ok(()), |(number, segment)| self.log.append(number, &segment))
    }

    fn recover(&self) -> Result<(), StoreError> {
        self.log.recover()
    }

    fn close(&self) {
        self.log.close();
    }

    fn count(&self) -> Result<u64, StoreError> {
        let waiting = u64::from(self.waiting.lock().unwrap().is_some());
        Ok(self.log.count()? + waiting)
    }

    fn segment(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        match &*self.waiting.lock().unwrap() {
            Some((waiting, segment)) if *waiting == number => Ok(segment.clone()),
            _ => self.log.segment(number),
        }
    }

    fn segments(&self, from: u64, limit_bytes: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.log.segments(from, limit_bytes)
    }
}

#[test]
fn a_store_that_acknowledges_too_early_is_found_out() {
    let hasty: Open = |disk| {
        let mut opened = honest(disk)?;
        let shards = Arc::get_mut(&mut opened.shards).expect("nobody else has it yet");
        shards.replace_log(|log| Arc::new(Hasty { log, waiting: Mutex::default() }));
        Ok(opened)
    };
    let found = run(Trouble::Power(u64::MAX), hasty).unwrap_err();
    assert!(found.contains("was acknowledged and is lost"), "{found}");
}

#[test]
fn a_disk_that_does_not_sync_is_found_out() {
    let lying: Open = |disk| {
        let opened = honest(disk)?;
        disk.lie();
        Ok(opened)
    };
    let found = (0..20).find_map(|moment| run(Trouble::Power(u64::MAX - moment), lying).err());
    found.expect("what was not synced is lost in one of twenty crashes");
}

/// A log that another writer has taken over.
#[derive(Debug)]
struct Overtaken(Arc<dyn LogStore>);

impl LogStore for Overtaken {
    fn append(&self, _: u64, _: &[u8]) -> Result<(), StoreError> {
        Err(StoreError::Fenced)
    }

    fn recover(&self) -> Result<(), StoreError> {
        Err(StoreError::Fenced)
    }

    fn close(&self) {
        self.0.close();
    }

    fn count(&self) -> Result<u64, StoreError> {
        self.0.count()
    }

    fn segment(&self, number: u64) -> Result<Vec<u8>, StoreError> {
        self.0.segment(number)
    }

    fn segments(&self, from: u64, limit_bytes: usize) -> Result<Vec<Vec<u8>>, StoreError> {
        self.0.segments(from, limit_bytes)
    }
}

#[test]
fn a_unit_whose_log_was_taken_over_writes_no_more_and_says_so_once() {
    let mut opened = honest(&FaultDisk::new()).unwrap();
    let log = Arc::clone(&opened.shards.get(0).archive.log);
    let shards = Arc::get_mut(&mut opened.shards).expect("nobody else has it yet");
    shards.replace_log(|log| Arc::new(Overtaken(log)));
    let mut bench = Bench::new(opened);
    for _ in 0..2 {
        let told = bench.submit(vec![submission(1, spawn(1, NOW))]);
        assert_eq!(told[0].1.code(), RefusalCode::StorageFailed);
        assert!(bench.sequencer.fenced);
    }
    assert_eq!(log.count().unwrap(), 0);
    bench.sequencer.fenced = false;
    let told = Mutex::new(Vec::new());
    bench
        .run(&[spawn(2, NOW), spawn(3, NOW)], |error| told.lock().unwrap().push(error.to_string()));
    assert_eq!(told.into_inner().unwrap(), [StoreError::Fenced.to_string()]);
}

#[cfg(feature = "postgres-tests")]
#[test]
fn a_lost_connection_to_postgresql_costs_no_acknowledged_slot() {
    use crate::store::postgres::tests::Place;

    let place = Place::new();
    let disk = FaultDisk::new();
    let open = || {
        let mut opened = honest(&disk).unwrap();
        let shards = Arc::get_mut(&mut opened.shards).expect("nobody else has it yet");
        shards.replace_log(|_| place.open());
        opened
    };
    let (mut known, mut refused) = (Known::default(), 0);
    let mut bench = Bench::new(open());
    for (number, batch) in batches().iter().enumerate() {
        match number % 2 {
            0 => place.lose_answer(),
            _ => place.kill_connection(),
        }
        for _ in 0..2 {
            for (_, told) in bench.submit(batch.clone()) {
                match told {
                    Told::Assigned(proof) => known.acknowledged.push(proof.assignment),
                    Told::Refused(_) => refused += 1,
                    Told::LookUp | Told::Final(_) => {}
                }
            }
        }
    }
    assert!(refused > 0, "a lost answer is noticed");
    is_complete(&bench, &known).unwrap();
}
