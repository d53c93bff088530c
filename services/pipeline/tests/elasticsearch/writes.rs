//! What arrives: each document once, its newest version.

use bpmonitor_clinical::Version;
use bpmonitor_pipeline::{AnomalyStore, Document, Refused};
use elasticsearch::http::Method;
use rust_decimal::Decimal;

use super::common::{Ward, poison, write, writes};

#[tokio::test(flavor = "multi_thread")]
async fn documents_arrive_exactly() {
    let ward = Ward::new().await;
    let (mut store, condition) = ward.store();
    let writes = writes(1_500);
    assert_eq!(store.write(&writes).await.unwrap(), []);
    ward.holds(&writes).await;
    assert_eq!(condition.get(), None);
    assert_eq!((store.statistics().bulks(), store.statistics().documents()), (1, 1_500));
}

#[tokio::test]
async fn a_few_go_out_as_one_bulk() {
    let ward = Ward::new().await;
    let (mut store, _) = ward.store();
    for count in [0, 1, 7, 300] {
        let before = store.statistics().bulks();
        store.write(&writes(count)).await.unwrap();
        assert_eq!(store.statistics().bulks() - before, u64::from(count.min(1)), "{count} documents");
    }
}

#[tokio::test]
async fn decimals_keep_their_digits() {
    let ward = Ward::new().await;
    let (mut store, _) = ward.store();
    store.write(&[write(1, 1)]).await.unwrap();
    let index = ward.names().index();
    ward.ask(Method::Post, &format!("{index}/_refresh"), None).await;
    let target = format!("{index}/_search?filter_path=hits.hits._source.systolic_pressure");
    let found = ward.ask(Method::Get, &target, None).await;
    let kept = found.pointer("/hits/hits/0/_source/systolic_pressure").unwrap().to_string();
    assert_eq!(kept, "129.73979437732424");
}

#[tokio::test]
async fn the_newest_version_stays() {
    let ward = Ward::new().await;
    let (mut store, condition) = ward.store();
    let with = |version, systolic| {
        let mut write = write(1, version);
        write.document.systolic_pressure = Some(Decimal::from(systolic));
        write
    };
    let steps = [with(5, 150), with(4, 140), with(5, 151), with(6, 160), with(5, 152)];
    for (step, write) in steps.iter().enumerate() {
        assert_eq!(store.write(std::slice::from_ref(write)).await.unwrap(), []);
        ward.holds(&steps[..=step]).await;
    }
    assert_eq!(store.statistics().superseded(), 2);
    assert_eq!(condition.get(), None, "an older version is no failure");
}

#[tokio::test]
async fn all_versions_in_one_bulk_come_to_the_same() {
    let ward = Ward::new().await;
    let (mut store, _) = ward.store();
    let order = [3, 1, 7, 7, 2, 5, 6];
    let writes: Vec<_> = (0..50_u32)
        .flat_map(|id| order.map(|version| (id, version)))
        .enumerate()
        .map(|(number, (id, version))| {
            let mut write = write(id, version);
            write.document.pulse_pressure = Some(Decimal::from(number));
            write
        })
        .collect();
    assert_eq!(store.write(&writes).await.unwrap(), []);
    ward.holds(&writes).await;
}

#[tokio::test]
async fn a_tombstone_hides_and_stays() {
    let ward = Ward::new().await;
    let (mut store, _) = ward.store();
    let shown = async || {
        ward.ask(Method::Post, &format!("{}/_refresh", ward.names().index()), None).await;
        ward.setup.count(&ward.alias()).await.unwrap()
    };
    let first = write(1, 1);
    store.write(std::slice::from_ref(&first)).await.unwrap();
    assert_eq!(shown().await, 1);
    let mut tombstone = write(1, 2);
    *tombstone.document = Document { withdrawn: true, ..Document::default() };
    store.write(std::slice::from_ref(&tombstone)).await.unwrap();
    assert_eq!(shown().await, 0);
    store.write(std::slice::from_ref(&first)).await.unwrap();
    assert_eq!(shown().await, 0, "an older version brings nothing back");
    ward.holds(&[first, tombstone]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_is_refused_and_nothing_else() {
    let ward = Ward::new().await;
    let (mut store, condition) = ward.store();
    let mut mixed = writes(1_200);
    let poisoned = [0, 17, 600, 1_199];
    for place in poisoned {
        mixed[place] = poison(u32::try_from(place).unwrap());
    }
    assert_eq!(store.write(&mixed).await.unwrap(), poisoned.map(|write| Refused { write }));
    let taken: Vec<_> =
        mixed.into_iter().enumerate().filter(|(place, _)| !poisoned.contains(place)).collect();
    ward.holds(&taken.into_iter().map(|(_, write)| write).collect::<Vec<_>>()).await;
    assert_eq!((store.statistics().refused(), condition.get()), (4, None));
    assert_eq!(store.write(&[poison(1)]).await.unwrap(), [Refused { write: 0 }], "also alone");
}

#[tokio::test]
async fn what_is_no_version_is_refused_once_others_are_taken() {
    // Elasticsearch refuses the whole bulk, and does not say for which document.
    let ward = Ward::new().await;
    let (mut store, condition) = ward.store();
    let mut writes = writes(20);
    writes[7].version = Version(-1);
    assert_eq!(store.write(&writes).await.unwrap(), [Refused { write: 7 }]);
    writes.remove(7);
    ward.holds(&writes).await;
    assert_eq!(condition.get(), None);
}

#[tokio::test]
async fn extreme_values_are_stored() {
    let ward = Ward::new().await;
    let (mut store, _) = ward.store();
    let mut writes = writes(5);
    writes[0].document.observation_id = Some("ü".repeat(40_000));
    writes[1].document.timestamp = Some("0001-01-01T00:00:00Z".parse().unwrap());
    writes[2].document.timestamp = Some("9999-12-30T22:00:00.999999999Z".parse().unwrap());
    writes[3].document.systolic_pressure =
        Some(Decimal::from_str_exact("129.7397943773242412345678901").unwrap());
    writes[4].document.patient_name = Some("n".repeat(100_000));
    assert_eq!(store.write(&writes).await.unwrap(), []);
    assert_eq!(ward.held().await.len(), 5);
}
