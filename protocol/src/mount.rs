use std::sync::Arc;

use codec::{InvalidTopic, Properties, Property, Publish, TopicFilter, TopicName};

/// A mount point: what stands before all topics of a client on the server's
/// side, and the client does not see. Outer names have it, inner ones, the
/// client's, do not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount(Arc<String>);

impl Mount {
    /// A mount point, which usually ends with a `/`.
    ///
    /// # Errors
    /// It cannot be the beginning of a topic name.
    pub fn new(prefix: &str) -> Result<Self, InvalidTopic> {
        TopicName::new(prefix)?;
        Ok(Self(Arc::new(prefix.into())))
    }

    /// Whether the first level of an inner name is a level of its own in the
    /// outer one. If not, an inner filter cannot begin with a wildcard.
    pub fn is_level(&self) -> bool {
        self.0.ends_with('/')
    }

    /// The inner name of a topic; `None` if the client does not see it.
    pub fn inner<'t>(&self, outer: &'t str) -> Option<&'t str> {
        outer
            .strip_prefix(self.0.as_str())
            .filter(|inner| !inner.is_empty())
    }

    /// The outer name of a topic.
    ///
    /// # Errors
    /// It is too long.
    pub fn outer(&self, inner: &TopicName) -> Result<TopicName, InvalidTopic> {
        TopicName::new(format!("{}{}", self.0, &**inner))
    }

    /// The outer filter for an inner one; that of a shared subscription stays
    /// one.
    ///
    /// # Errors
    /// There is none.
    pub fn outer_filter(&self, inner: &TopicFilter) -> Result<TopicFilter, InvalidTopic> {
        let matched = inner.matched();
        TopicFilter::new(match inner.share_name() {
            Some(group) => format!("$share/{group}/{}{matched}", self.0),
            None => format!("{}{matched}", self.0),
        })
    }

    /// Puts outer names in place of a client's inner ones.
    ///
    /// # Errors
    /// One is too long.
    pub fn enter(&self, publish: &mut Publish) -> Result<(), InvalidTopic> {
        publish.topic = self.outer(&publish.topic)?;
        self.enter_properties(&mut publish.properties)
    }

    /// As [`Mount::enter`], for the properties of a message: a response topic
    /// is a name too (section 3.3.2.3.5).
    ///
    /// # Errors
    /// It is too long.
    pub fn enter_properties(&self, properties: &mut Properties) -> Result<(), InvalidTopic> {
        if let Some(topic) = properties.response_topic() {
            let outer = TopicName::new(format!("{}{}", self.0, &**topic))?;
            properties.set(Property::ResponseTopic((*outer).into()));
        }
        Ok(())
    }

    /// Puts an inner name in place of an outer response topic; one that the
    /// client cannot publish to is left out.
    pub(crate) fn leave_properties(&self, properties: &mut Properties) {
        if let Some(topic) = properties.response_topic() {
            let inner = self.inner(topic).map(Into::into);
            properties.remove(codec::PropertyId::ResponseTopic);
            if let Some(inner) = inner {
                properties.push(Property::ResponseTopic(inner));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount() -> Mount {
        Mount::new("floor/1/").unwrap()
    }

    #[test]
    fn a_mount_point_is_the_beginning_of_a_topic_name() {
        assert!(mount().is_level());
        assert!(!Mount::new("floor").unwrap().is_level());
        for bad in ["", "a/+/", "#", "a\0"] {
            assert!(Mount::new(bad).is_err(), "{bad:?}");
        }
        assert!(Mount::new(&"x".repeat(65_536)).is_err());
    }

    #[test]
    fn names_go_in_and_out() {
        let mount = mount();
        let inner = TopicName::new("lamp/on").unwrap();
        let outer = mount.outer(&inner).unwrap();
        assert_eq!(&*outer, "floor/1/lamp/on");
        assert_eq!(mount.inner(&outer), Some("lamp/on"));
        for hidden in ["floor/1/", "floor/1", "floor/2/lamp", "lamp", "floor/10/x"] {
            assert_eq!(mount.inner(hidden), None, "{hidden}");
        }
        let long = TopicName::new("x".repeat(65_535)).unwrap();
        assert!(mount.outer(&long).is_err());
    }

    #[test]
    fn filters_stay_below() {
        let outer = |filter: &str| {
            let filter = TopicFilter::new(filter).unwrap();
            mount().outer_filter(&filter).unwrap().as_str().to_owned()
        };
        assert_eq!(outer("#"), "floor/1/#");
        assert_eq!(outer("+/on"), "floor/1/+/on");
        assert_eq!(outer("$SYS/#"), "floor/1/$SYS/#");
        assert_eq!(outer("$share/g/+/on"), "$share/g/floor/1/+/on");
        let all = TopicFilter::new("#").unwrap();
        assert!(Mount::new("floor").unwrap().outer_filter(&all).is_err());
    }
}
