//! The customizations that SOAR needs, assembled to one export document.
