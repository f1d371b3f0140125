// The examples contain dates, so they run at a fixed time between them.
const ahead = Date.parse('2027-03-01T12:00:00Z') - Date.now();
const today = Date.now;
Date.now = () => today() + ahead;
