//! Objects that a program in JavaScript passes in, read field by field.

use bytes::Bytes;
use codec::ByteString;
use js_sys::{Array, ArrayBuffer, Function, Object, Reflect, Uint8Array};
use wasm_bindgen::prelude::*;

use super::errors::usage;

/// A read value, or an error to throw.
pub(super) type Read<T> = Result<T, JsValue>;

/// An object whose fields are asked for one by one; in the end those that
/// nobody asked for are an error, since a misspelt option does nothing.
pub(super) struct Fields {
    object: Option<Object>,
    /// What to call it: `options`, `options.will`.
    name: String,
    asked: Vec<&'static str>,
}

/// What other clients call it.
const ELSEWHERE: [(&str, &str); 9] = [
    ("clean", "cleanStart"),
    ("cleanSession", "cleanStart"),
    ("clientID", "clientId"),
    ("keepAliveInterval", "keepAlive"),
    ("reconnectPeriod", "reconnect.first"),
    ("userName", "username"),
    ("mqttVersion", "protocolVersion"),
    ("willMessage", "will"),
    ("rh", "retainHandling"),
];

impl Fields {
    /// Of an object, or of nothing at all.
    pub(super) fn of(value: &JsValue, name: impl Into<String>) -> Read<Self> {
        let name = name.into();
        let object = if value.is_undefined() || value.is_null() {
            None
        } else if value.is_object() && !Array::is_array(value) {
            Some(value.clone().unchecked_into())
        } else {
            return Err(wrong(&name, "an object", value));
        };
        Ok(Self {
            object,
            name,
            asked: Vec::new(),
        })
    }

    /// A field's value, unless it is undefined or null.
    pub(super) fn value(&mut self, field: &'static str) -> Read<Option<JsValue>> {
        self.asked.push(field);
        let Some(object) = &self.object else {
            return Ok(None);
        };
        let value = Reflect::get(object, &field.into())?;
        Ok((!value.is_undefined() && !value.is_null()).then_some(value))
    }

    /// The full name of a field.
    pub(super) fn name_of(&self, field: &str) -> String {
        format!("{}.{field}", self.name)
    }

    fn read<T>(
        &mut self,
        field: &'static str,
        what: &str,
        read: impl FnOnce(&JsValue) -> Option<T>,
    ) -> Read<Option<T>> {
        let Some(value) = self.value(field)? else {
            return Ok(None);
        };
        match read(&value) {
            Some(read) => Ok(Some(read)),
            None => Err(wrong(&self.name_of(field), what, &value)),
        }
    }

    /// A whole number from 0 on.
    pub(super) fn number(&mut self, field: &'static str, max: u32) -> Read<Option<u32>> {
        let what = format!("a whole number from 0 to {max}");
        self.read(field, &what, |value| {
            let number = value.as_f64()?;
            let fits = number.fract() == 0.0 && (0.0..=f64::from(max)).contains(&number);
            fits.then_some(number as u32)
        })
    }

    pub(super) fn boolean(&mut self, field: &'static str) -> Read<Option<bool>> {
        self.read(field, "true or false", JsValue::as_bool)
    }

    pub(super) fn string(&mut self, field: &'static str) -> Read<Option<ByteString>> {
        self.read(field, "a string", |value| value.as_string().map(Into::into))
    }

    /// One of these words, by its place.
    pub(super) fn choice(&mut self, field: &'static str, words: &[&str]) -> Read<Option<usize>> {
        let what = format!("one of '{}'", words.join("', '"));
        self.read(field, &what, |value| {
            let word = value.as_string()?;
            words.iter().position(|known| *known == word)
        })
    }

    pub(super) fn bytes(&mut self, field: &'static str) -> Read<Option<Bytes>> {
        self.read(field, "a string or a Uint8Array", as_bytes)
    }

    pub(super) fn function(&mut self, field: &'static str) -> Read<Option<Function>> {
        self.read(field, "a function", |value| value.dyn_ref().cloned())
    }

    /// An object within; one without fields if it is not there.
    pub(super) fn object(&mut self, field: &'static str) -> Read<Fields> {
        let value = self.value(field)?.unwrap_or(JsValue::UNDEFINED);
        Fields::of(&value, self.name_of(field))
    }

    /// Whether there is an object at all.
    pub(super) fn is_there(&self) -> bool {
        self.object.is_some()
    }

    /// Names and values: an array of pairs, or an object whose values are
    /// strings or arrays of strings.
    pub(super) fn pairs(&mut self, field: &'static str) -> Read<Vec<(ByteString, ByteString)>> {
        let what = "an array of [name, value], or an object of strings";
        let pairs = self.read(field, what, |value| {
            if let Some(array) = value.dyn_ref::<Array>() {
                return array.iter().map(|pair| as_pair(&pair)).collect();
            }
            let object: &Object = value.dyn_ref()?;
            let mut pairs = Vec::new();
            for entry in Object::entries(object).iter() {
                let entry: Array = entry.unchecked_into();
                let name: ByteString = entry.get(0).as_string()?.into();
                let value = entry.get(1);
                match value.dyn_ref::<Array>() {
                    Some(values) => {
                        for value in values.iter() {
                            pairs.push((name.clone(), value.as_string()?.into()));
                        }
                    }
                    None => pairs.push((name, value.as_string()?.into())),
                }
            }
            Some(pairs)
        })?;
        Ok(pairs.unwrap_or_default())
    }

    /// Says what is there that nobody asked for.
    pub(super) fn done(self) -> Read<()> {
        let Some(object) = &self.object else {
            return Ok(());
        };
        for key in Object::keys(object).iter() {
            let key = key.as_string().unwrap_or_default();
            if !self.asked.contains(&&*key) {
                return Err(self.unknown(&key));
            }
        }
        Ok(())
    }

    fn unknown(&self, key: &str) -> JsValue {
        let same = |known: &&&str| known.eq_ignore_ascii_case(key);
        let near = self.asked.iter().find(same).copied();
        let elsewhere = || {
            let known = ELSEWHERE.iter().find(|(theirs, _)| *theirs == key);
            known.map(|(_, ours)| *ours)
        };
        let name = self.name_of(key);
        usage(&match near.or_else(elsewhere) {
            Some(ours) => format!("there is no {name}: here it is called {ours}"),
            None => format!("there is no {name}; there are: {}", self.asked.join(", ")),
        })
    }
}

fn as_pair(pair: &JsValue) -> Option<(ByteString, ByteString)> {
    let pair: &Array = pair.dyn_ref()?;
    let text = |at| pair.get(at).as_string().map(ByteString::from);
    (pair.length() == 2).then_some(())?;
    Some((text(0)?, text(1)?))
}

/// The bytes of a string, a Uint8Array or an ArrayBuffer.
pub(super) fn as_bytes(value: &JsValue) -> Option<Bytes> {
    if let Some(text) = value.as_string() {
        return Some(text.into());
    }
    if let Some(bytes) = value.dyn_ref::<Uint8Array>() {
        return Some(bytes.to_vec().into());
    }
    let buffer: &ArrayBuffer = value.dyn_ref()?;
    Some(Uint8Array::new(buffer).to_vec().into())
}

/// `name` should have been something else.
pub(super) fn wrong(name: &str, what: &str, value: &JsValue) -> JsValue {
    let given = if Array::is_array(value) {
        "an array".into()
    } else if value.as_f64().is_some() {
        // Rust's own way to write a number with a fraction is large.
        js_sys::Object::from(value.clone()).to_string().into()
    } else if let Some(text) = value.as_string().filter(|text| text.len() < 40) {
        format!("'{text}'")
    } else {
        value.js_typeof().as_string().unwrap_or_default()
    };
    usage(&format!("{name} must be {what}, and is {given}"))
}
