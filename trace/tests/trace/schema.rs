//! `docs/trace.schema.json` is what the types say. `FLINKMEM_UPDATE=1` writes it anew.

#[test]
fn the_published_schema_is_generated_from_the_types() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/trace.schema.json");
    let schema = flinkmem_trace::json_schema();
    if std::env::var_os("FLINKMEM_UPDATE").is_some() {
        std::fs::write(path, &schema).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == schema,
        "docs/trace.schema.json is out of date: FLINKMEM_UPDATE=1 cargo test -p flinkmem-trace --features schema"
    );
}
