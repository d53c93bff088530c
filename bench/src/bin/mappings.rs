//! `bench-mappings`: prints the mappings of bp-monitor's index.

fn main() {
    println!("{}", bpmonitor_crds::index::mappings());
}
