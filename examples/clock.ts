// The examples name dates. They are tried on a day between them, whatever day it is.
const ahead = Date.parse('2027-03-01T12:00:00Z') - Date.now();
const today = Date.now;
Date.now = () => today() + ahead;
