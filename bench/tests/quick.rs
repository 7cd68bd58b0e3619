//! The smoke run, as CI does it.

use std::process::Command;

#[test]
fn a_quick_run_measures_everything_and_writes_json() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("result.json");
    let run = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["--quick", "--json"])
        .arg(&file)
        .arg("--dir")
        .arg(directory.path())
        .output()
        .unwrap();
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    let table = String::from_utf8(run.stdout).unwrap();
    assert!(table.contains("comparable only with the other figures of this run"), "{table}");

    let report: serde_json::Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let rows = report["rows"].as_array().unwrap();
    let measured = |workload: &str, subject: &str| {
        rows.iter().find(|row| row["workload"] == workload && row["subject"] == subject)
    };
    for subject in ["memory", "sqlite", "plain"] {
        for workload in ["append-1-w1", "append-1-w64", "append-100-w8", "read-stream-100", "read-all"] {
            let row = measured(workload, subject).unwrap_or_else(|| panic!("no {workload} on {subject}"));
            assert!(row["events_per_second"]["median"].as_f64().unwrap() > 0.0, "{row}");
            assert!(row["latency_us"]["max"].as_f64() >= row["latency_us"]["p50"].as_f64(), "{row}");
        }
    }
    assert!(measured("append-1-w64-chain", "sqlite").is_some());
    assert!(measured("append-1-w64-chain", "plain").is_none());
    for workload in ["decode-current", "decode-upcast", "decode-upcast-chain"] {
        assert!(measured(workload, "memory").is_some() && measured(workload, "plain").is_some());
        assert!(measured(workload, "sqlite").is_none(), "decoding is done in no store");
    }
    for workload in ["load-1000", "load-1000-snapshot"] {
        assert!(measured(workload, "memory").is_some() && measured(workload, "sqlite").is_some());
        assert!(measured(workload, "plain").is_none(), "states are loaded by our stores");
    }
    assert!(measured("delivery", "sqlite").is_some());
    assert!(measured("delivery-w64", "sqlite").is_some());
    assert!(measured("delivery-w64-apart", "sqlite").is_some());
    assert!(measured("delivery-apart", "memory").is_none(), "no other process has a store in memory");
    assert!(measured("read-all-1m", "sqlite").is_none(), "what takes long is run where it is named");
    if std::env::var_os("ANNALS_POSTGRES").is_some() {
        assert!(measured("append-1-p8w8", "postgres").is_some());
        assert!(measured("read-all", "copy-postgres").is_some());
    }
}

#[test]
fn an_unknown_name_is_refused_before_anything_runs() {
    let run = Command::new(env!("CARGO_BIN_EXE_bench")).args(["--only", "append,oracle"]).output().unwrap();
    assert!(!run.status.success());
    assert!(String::from_utf8_lossy(&run.stderr).contains("nothing is called"), "{run:?}");
}
