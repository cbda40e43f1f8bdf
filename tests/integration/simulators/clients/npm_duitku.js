// Makes one call by `duitku` of npm, in a process of its own.
//
// Takes {"url", "call", "given"} as its argument; the account is in config/duitku-configuration,
// below APP_ROOT_PATH, where the client looks for it. The last line that is printed is the result,
// {"answer", "error"}, as JSON.
"use strict";

const axios = require("axios");
const duitku = require("duitku");
const crypto = require("crypto-js");

const { url, call, given } = JSON.parse(process.argv[2]);

// The client knows Duitku's own hosts only; the paths stay as it wrote them.
axios.interceptors.request.use((request) => {
  request.url = url + new URL(request.url).pathname;
  return request;
});

function show(answer, error) {
  console.log(JSON.stringify({ answer, error }));
}

function filled(order) {
  order.setEmail("siti@example.com");
  order.setPhoneNumber("081234567890");
  order.setCustomerVaName("Siti Aminah");
  for (const { name, quantity, price } of given.items) {
    order.addItemDetails(new duitku.ItemDetail(name, quantity, price).get());
  }
  if (given.discount) {
    order.createDiscount(given.discount);
  }
  return order;
}

function checked() {
  try {
    return { answer: duitku.callback(given) };
  } catch (error) {
    return { error: error.message };
  }
}

const calls = {
  invoice: () => filled(new duitku.Invoice(0, given.orderId, "Kelas Dasar")).create(show),
  inquiry: () =>
    filled(new duitku.Transaction(0, given.method, given.orderId, "Kelas Dasar")).request(show),
  status: () => duitku.checkTransaction(given.orderId, show),
  methods: () => duitku.getPaymentMethod(given.amount, show),
  callback: () => console.log(JSON.stringify(checked())),
  // The client signs by this function wherever its callback check would have to.
  md5: () => show(crypto.MD5(given.text).toString()),
};

calls[call]();
