//! A log file that is moved aside when it has grown, as Python's `RotatingFileHandler` does it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::writer::MakeWriter;

use crate::config::LogFile;

/// Where the lines for the file go; empty where there is none. Copies share the file.
#[derive(Clone, Default)]
pub(super) struct LogFileSink(Arc<Mutex<Option<RotatingFile>>>);

impl LogFileSink {
    /// From now on to this file, opened anew also where it is the same, as it may have been moved away.
    pub(super) fn switch(&self, settings: Option<&LogFile>) {
        let file = settings.map(|settings| RotatingFile::new(settings.clone()));
        *self.lock() = file;
    }

    pub(super) fn is_on(&self) -> bool {
        self.lock().is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<RotatingFile>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<'a> MakeWriter<'a> for LogFileSink {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Write for LogFileSink {
    /// Takes a whole line. Never fails: the log must not hold up the work it tells of.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        if let Some(file) = self.lock().as_mut() {
            file.write(line);
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct RotatingFile {
    settings: LogFile,
    open: Option<OpenFile>,
    failing: bool,
}

struct OpenFile {
    file: File,
    bytes: u64,
}

impl RotatingFile {
    fn new(settings: LogFile) -> Self {
        Self {
            settings,
            open: None,
            failing: false,
        }
    }

    fn write(&mut self, line: &[u8]) {
        match self.append(line) {
            Ok(()) => self.failing = false,
            Err(error) => {
                // Opened again at the next line, since the cause may be gone by then.
                self.open = None;
                self.complain(&error);
            }
        }
    }

    fn append(&mut self, line: &[u8]) -> io::Result<()> {
        let length = line.len() as u64;
        let mut open = match self.open.take() {
            Some(open) => open,
            None => OpenFile::at(&self.settings.path)?,
        };
        if self.is_full(open.bytes, length) {
            drop(open);
            self.rotate()?;
            open = OpenFile::at(&self.settings.path)?;
        }
        open.file.write_all(line)?;
        open.bytes += length;
        self.open = Some(open);
        Ok(())
    }

    fn is_full(&self, bytes: u64, more: u64) -> bool {
        let LogFile {
            max_bytes, backups, ..
        } = self.settings;
        max_bytes > 0 && backups > 0 && bytes > 0 && bytes + more >= max_bytes
    }

    /// `.1` is the newest; the oldest is overwritten.
    fn rotate(&self) -> io::Result<()> {
        for number in (1..self.settings.backups).rev() {
            let older = self.backup(number);
            if older.exists() {
                fs::rename(older, self.backup(number + 1))?;
            }
        }
        fs::rename(&self.settings.path, self.backup(1))
    }

    fn backup(&self, number: usize) -> PathBuf {
        let mut path = self.settings.path.clone().into_os_string();
        path.push(format!(".{number}"));
        path.into()
    }

    /// Once, until it works again; on standard error, as this is the log.
    fn complain(&mut self, error: &io::Error) {
        if !std::mem::replace(&mut self.failing, true) {
            eprintln!(
                "fn-aws-guardduty: the log file {} cannot be written: {error}; make room or mend its permissions, this output goes on",
                self.settings.path.display()
            );
        }
    }
}

impl OpenFile {
    fn at(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        let bytes = file.metadata()?.len();
        Ok(Self { file, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::python;

    fn settings(folder: &Path, max_bytes: u64, backups: usize) -> LogFile {
        LogFile {
            path: folder.join("app.log"),
            max_bytes,
            backups,
        }
    }

    fn write(file: &mut RotatingFile, lines: &[String]) {
        for line in lines {
            file.write(line.as_bytes());
        }
    }

    fn lines() -> Vec<String> {
        (0..60)
            .map(|number| format!("{number} {}\n", "x".repeat(number % 17)))
            .collect()
    }

    fn contents(folder: &Path) -> Vec<(String, String)> {
        let mut files: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                (name, fs::read_to_string(entry.path()).unwrap())
            })
            .collect();
        files.sort();
        files
    }

    #[test]
    fn files_are_moved_aside_as_python_does_it() {
        let script = r"
import json, logging.handlers, os, sys, tempfile
answers = []
lines, settings = json.load(sys.stdin)
for size, count in settings:
    with tempfile.TemporaryDirectory() as folder:
        handler = logging.handlers.RotatingFileHandler(os.path.join(folder, 'app.log'), maxBytes=size, backupCount=count)
        for line in lines:
            handler.handle(logging.makeLogRecord({'msg': line.rstrip('\n')}))
        handler.close()
        names = sorted(os.listdir(folder))
        answers.append([[name, open(os.path.join(folder, name)).read()] for name in names])
json.dump(answers, sys.stdout)
";
        let cases = [(100_u64, 3_usize), (40, 1), (0, 3), (100, 0), (5, 2)];
        let theirs: Vec<Vec<(String, String)>> = python::run(script, &(lines(), cases));
        for ((max_bytes, backups), theirs) in cases.into_iter().zip(theirs) {
            let folder = tempfile::tempdir().unwrap();
            let mut file = RotatingFile::new(settings(folder.path(), max_bytes, backups));
            write(&mut file, &lines());
            assert_eq!(contents(folder.path()), theirs, "{max_bytes} {backups}");
        }
    }

    #[test]
    fn a_file_that_is_there_is_gone_on_with_and_counts() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("app.log"), "old\n").unwrap();
        let mut file = RotatingFile::new(settings(folder.path(), 8, 1));
        file.write(b"12\n");
        file.write(b"3\n");
        let wanted = [("app.log", "3\n"), ("app.log.1", "old\n12\n")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(contents(folder.path()), wanted);
    }

    #[test]
    fn a_write_that_fails_is_forgiven_and_later_ones_arrive() {
        let folder = tempfile::tempdir().unwrap();
        let deeper = folder.path().join("deeper");
        let sink = LogFileSink::default();
        sink.switch(Some(&settings(&deeper, 0, 0)));
        let mut writer = sink.clone();
        assert_eq!(writer.write(b"lost\n").unwrap(), 5);
        fs::create_dir(&deeper).unwrap();
        writer.write_all(b"kept\n").unwrap();
        assert_eq!(contents(&deeper), [("app.log".into(), "kept\n".into())]);
    }

    #[test]
    fn a_switch_opens_the_file_anew() {
        let folder = tempfile::tempdir().unwrap();
        let settings = settings(folder.path(), 0, 0);
        let mut sink = LogFileSink::default();
        assert!(!sink.is_on());
        sink.switch(Some(&settings));
        sink.write_all(b"one\n").unwrap();
        fs::rename(&settings.path, folder.path().join("moved")).unwrap();
        sink.switch(Some(&settings));
        sink.write_all(b"two\n").unwrap();
        sink.switch(None);
        sink.write_all(b"three\n").unwrap();
        let wanted = [("app.log", "two\n"), ("moved", "one\n")]
            .map(|(name, text)| (name.to_owned(), text.to_owned()));
        assert_eq!(contents(folder.path()), wanted);
    }
}
