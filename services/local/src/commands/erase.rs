//! `bpmonitor erase`: removes a patient and keeps replays out.

use std::io::{self, Write};

use anyhow::Result;
use bpmonitor_pipeline::embedded::WardDirectory;

use crate::cli::EraseArgs;
use crate::page::{self, Sweep};
use crate::summary::grouped;
use crate::ward::{self, Ward};

/// Erases a patient, and says what went and what goes when.
pub(super) fn erase(args: &EraseArgs) -> Result<()> {
    let directory = WardDirectory::new(&args.data.data);
    let settings = ward::settings(None, &directory)?;
    let patient = if is_pseudonym(&args.patient) {
        args.patient.to_ascii_lowercase()
    } else {
        ward::patient_id(&directory, &args.patient)?
    };
    let ward = Ward::open(&directory, &settings)?;
    page::sweep(&directory, Sweep::Alone);
    let erased = ward.store.erase(&patient, ward::compression(&settings))?;
    let mut out = io::stdout().lock();
    writeln!(out, "erased {patient}")?;
    writeln!(out, "  anomalies removed          {:>10}", grouped(erased.anomalies))?;
    writeln!(out, "  archived readings removed  {:>10}", grouped(erased.archived))?;
    if erased.anomalies + erased.archived == 0 {
        writeln!(
            out,
            "  nothing was stored of this patient: where that surprises you, check the ID and spec.source.baseUrl"
        )?;
    }
    if !erased.is_compact {
        writeln!(
            out,
            "  somebody reads this ward: pages of its database may still hold the patient; run this again after"
        )?;
    }
    writeln!(out, "  readings of this patient that come in again are skipped (erased)")?;
    writeln!(out, "  dead letters may still name the patient: each goes 7 days after it was stored")?;
    writeln!(
        out,
        "  the files that were read are yours to remove; one given over HTTP and not read yet is removed once it is"
    )?;
    Ok(())
}

/// Whether this is 64 hexadecimal digits.
fn is_pseudonym(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}
