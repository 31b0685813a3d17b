//! System properties that JVMTI does not know, because Java code sets them (`java.version`).

use jni::Env;
use jni::objects::JString;
use jni::{jni_sig, jni_str};

/// `System.getProperty(name)`. This calls Java code, so it is for the start only.
#[must_use]
pub fn java_property(env: &mut Env<'_>, name: &str) -> Option<String> {
    let value = env.with_local_frame(8, |env| {
        let name = env.new_string(name)?;
        let signature = jni_sig!("(Ljava/lang/String;)Ljava/lang/String;");
        let value = env.call_static_method(
            jni_str!("java/lang/System"),
            jni_str!("getProperty"),
            signature,
            &[(&name).into()],
        )?;
        let value = value.l()?;
        if value.is_null() {
            return Ok(None);
        }
        env.cast_local::<JString>(value)?
            .try_to_string(env)
            .map(Some)
    });
    if env.exception_check() {
        env.exception_clear();
    }
    value.ok().flatten()
}
