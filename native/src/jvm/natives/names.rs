//! How libraries name the functions of native methods.

/// The names under which a library exports a native method: the short one, and that of an overloaded method (JNI
/// specification, "Resolving Native Method Names"). `class` with slashes.
#[must_use]
pub fn exported_names(class: &str, method: &str, signature: &str) -> [String; 2] {
    let short = format!("Java_{}_{}", mangled(class), mangled(method));
    let arguments = signature.trim_start_matches('(').split(')').next();
    let long = format!("{short}__{}", mangled(arguments.unwrap_or("")));
    [short, long]
}

fn mangled(name: &str) -> String {
    let mut mangled = String::new();
    for unit in name.encode_utf16() {
        match u8::try_from(unit) {
            Ok(b'/') => mangled.push('_'),
            Ok(b'_') => mangled.push_str("_1"),
            Ok(b';') => mangled.push_str("_2"),
            Ok(b'[') => mangled.push_str("_3"),
            Ok(byte) if byte.is_ascii_alphanumeric() => mangled.push(char::from(byte)),
            _ => mangled.push_str(&format!("_0{unit:04x}")),
        }
    }
    mangled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exported_names_are_those_of_the_specification() {
        assert_eq!(
            exported_names("java/util/zip/Inflater", "end", "(J)V"),
            [
                "Java_java_util_zip_Inflater_end",
                "Java_java_util_zip_Inflater_end__J"
            ]
        );
        assert_eq!(
            exported_names(
                "org/rocksdb/WriteBatch$Handler",
                "create_it",
                "([BLjava/lang/String;)J"
            ),
            [
                "Java_org_rocksdb_WriteBatch_00024Handler_create_1it",
                "Java_org_rocksdb_WriteBatch_00024Handler_create_1it___3BLjava_lang_String_2"
            ]
        );
    }
}
