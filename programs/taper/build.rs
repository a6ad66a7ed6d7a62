//! Who is to be told of a vulnerability is a matter of the deployment, so it comes from the environment of the build.

/// `(variable, what stands there when a build does not set it)`.
const SECURITY_TXT: &[(&str, &str)] = &[
    ("TAPER_PROJECT_URL", "not set by this build"),
    ("TAPER_SECURITY_CONTACTS", "other:see SECURITY.md of the source"),
    ("TAPER_SECURITY_POLICY", "SECURITY.md of the source"),
    ("TAPER_SOURCE_REVISION", "not set by this build"),
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    for (name, absent) in SECURITY_TXT {
        println!("cargo:rerun-if-env-changed={name}");
        let value = std::env::var(name).unwrap_or_else(|_| (*absent).to_string());
        println!("cargo:rustc-env={name}={value}");
    }
}
